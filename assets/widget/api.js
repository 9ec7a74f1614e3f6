// The API owns what the panel asks of the backend: session, configuration, history, and the streamed answer.

import { newSessionId } from './host.js';

// The server sends a heartbeat every 15 s; three missed ones mean that the connection is dead.
const SILENCE_MS = 45_000;
const REQUEST_MS = 15_000;

/** A refused or failed request; status 0 when there was no complete answer. `retryAfter` is in seconds, `body` what the server says of it. */
export class Problem extends Error {
  constructor(status, retryAfter = 0, body = {}) {
    super(`status ${status}`);
    Object.assign(this, { status, retryAfter, body });
  }
}

async function request(path, { body, ...options } = {}) {
  const headers = { Accept: 'application/json', ...options.headers };
  if (body) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, {
      method: body ? 'POST' : 'GET',
      credentials: 'omit',
      signal: AbortSignal.timeout(REQUEST_MS),
      ...options,
      headers,
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Problem(0);
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  throw new Problem(response.status, Number(response.headers.get('Retry-After')) || 0, said ?? {});
}

async function json(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch {
    throw new Problem(response.status);
  }
}

/** Yields {event, data} of a server-sent event stream whose data is JSON; comments are skipped. */
async function* events(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    buffer += value;
    for (let gap; (gap = /\r?\n\r?\n/.exec(buffer)); ) {
      const fields = { event: 'message', data: '' };
      for (const line of buffer.slice(0, gap.index).split(/\r?\n/)) {
        const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
        if (name) fields[name] = name === 'data' && fields.data ? `${fields.data}\n${value}` : value;
      }
      buffer = buffer.slice(gap.index + gap[0].length);
      if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

export class Backend {
  #token;
  #opening;
  #answering;

  /**
   * `kept` is {sessionId, token?} from the last visit; `keep(session)` stores what replaces it; what comes while
   * `isAway()` nobody has seen.
   */
  constructor(tenant, kept, keep, isAway) {
    this.tenant = tenant;
    this.sessionId = kept.sessionId;
    this.kept = kept;
    this.keep = keep;
    this.isAway = isAway;
  }

  static config(tenant) {
    return json(`/api/widget/config?t=${encodeURIComponent(tenant)}`);
  }

  /** Gets a visitor token, once however often it is called; a stored session that is refused is replaced by a new one. */
  open() {
    this.#opening ??= this.#openSession().catch((problem) => {
      this.#opening = null;
      throw problem;
    });
    return this.#opening;
  }

  async #openSession() {
    const { sessionId, token } = this.kept;
    const ask = (body) => json('/api/widget/session', { body: { tenantId: this.tenant, ...body } });
    let session;
    try {
      session = await ask({ sessionId, ...(token && { token }) });
    } catch (problem) {
      if (![401, 403, 404, 422].includes(problem.status)) throw problem;
      session = await ask({ sessionId: newSessionId() });
    }
    this.#token = session.token;
    this.sessionId = session.sessionId;
    this.kept = { sessionId: session.sessionId, token: session.token };
    this.keep(this.kept);
  }

  // The token is short-lived: a panel that stood open over night renews it and goes on.
  async #authorised(call) {
    await this.open();
    const headers = () => ({ Authorization: `Bearer ${this.#token}` });
    try {
      return await call(headers());
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      this.#opening = null;
      await this.open();
      return call(headers());
    }
  }

  history() {
    return this.#call(this.#read('conversation'));
  }

  /** What people said in the conversation since the last of `seen`, but for the message `last`. */
  async missed(seen, last) {
    const shown = [...seen].filter((id) => id && id !== last).sort().at(-1) ?? '';
    const { messages } = await this.history();
    return messages.filter(({ id, role, handledBy }) => id > shown && (role === 'member' || handledBy === 'human'));
  }

  typing() {
    return this.#call('/api/widget/typing', {});
  }

  /** `answer` is {name, email} or {declined: true}. */
  contact(answer) {
    return this.#call('/api/widget/contact', answer);
  }

  /** `rating` is {messageId, rating} of an answer or {csat, comment} of the whole conversation. */
  feedback(rating) {
    return this.#call('/api/widget/feedback', rating);
  }

  escalate(conversationId) {
    const { tenant: tenantId, sessionId } = this;
    return this.#call('/api/escalate', { tenantId, conversationId, sessionId, reason: 'visitor_request' });
  }

  #read(what, more) {
    return `/api/widget/${what}?${new URLSearchParams({ ...more, ...(this.isAway() && { away: 1 }) })}`;
  }

  #call(path, body) {
    return this.#authorised((headers) => json(path, { headers, body }));
  }

  /** Ends the answer that streams, if one does: its reader gets a Problem. */
  stop() {
    this.#answering?.abort();
  }

  /** Yields what happens in the conversation after the message `after`, until the connection ends or `signal` does. */
  async *events(after, signal) {
    yield* this.#stream(this.#read('events', after && { after }), {}, signal);
  }

  /** Yields the answer's events and throws a Problem when the stream ends without `done`. What is kept for people ends with `done` too. */
  async *ask(message, { voice, pageUrl }) {
    await this.open(); // which may replace the session
    const { tenant: tenantId, sessionId } = this;
    this.#answering = new AbortController();
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const whereabouts = { ...(pageUrl && { pageUrl }), language: navigator.language, timeZone };
    const body = { tenantId, sessionId, message, ...(voice && { voice }), ...whereabouts };
    try {
      for await (const event of this.#stream('/api/chat', { body }, this.#answering.signal)) {
        yield event;
        if (event.event === 'done') return;
      }
    } catch (problem) {
      const { conversationId, conversationStatus: status } = problem.body ?? {};
      if (problem.status !== 402 || !conversationId) throw problem;
      // Nothing more is answered here at the moment, but what was written is stored.
      return yield { event: 'done', data: { ...problem.body, status, handledBy: 'people' } };
    }
    throw new Problem(0);
  }

  // A stream that falls silent is dead, and every end but a clean one is a Problem.
  async *#stream(path, options, signal) {
    const silence = new AbortController();
    const end = () => silence.abort();
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MS);
    };
    signal.addEventListener('abort', end);
    heard();
    try {
      const response = await this.#authorised((headers) =>
        request(path, { ...options, headers: { ...headers, Accept: 'text/event-stream' }, signal: silence.signal }),
      );
      for await (const event of events(response.body, heard)) {
        if (event.event === 'error') throw new Problem(event.data.status);
        yield event;
      }
    } catch (problem) {
      throw problem instanceof Problem ? problem : new Problem(0);
    } finally {
      clearTimeout(timer);
      end();
    }
  }
}
