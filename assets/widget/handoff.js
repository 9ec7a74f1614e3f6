// The hand-off owns what the visitor is told of people: who answers, what happens next, the forms for contact and rating.

const TYPING_MS = 6000;
const TYPING_EVERY_MS = 4000;
const at = (id) => document.getElementById(id);
const [contact, email, csat] = ['contact', 'email', 'csat'].map(at);

export class HandOff {
  status = 'bot';
  #name = '';
  #next;
  #isNeeded = false;
  #isMailed = true;
  #typedAt = 0;
  #typing;
  #timer;
  #send = once((...given) => this.#deliver(...given));

  /** `done(line)` is called with what to say when a form has been sent. */
  constructor(messages, backend, say, language, done) {
    Object.assign(this, { messages, backend, say, language, done });
    contact.addEventListener('submit', (event) => {
      event.preventDefault();
      email.value = email.value.trim();
      if (email.value && email.validity.valid) this.#answer({ name: at('visitorName').value.trim(), email: email.value });
      else this.#refuse();
    });
    at('decline').addEventListener('click', () => this.#answer({ declined: true }));
    csat.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#rate();
    });
    this.#head();
  }

  /** Takes over what the server says, as far as it says it; returns the line to show when who answers has changed. */
  update({ status = this.status, next, contactRequested, csatRequested }, isFirst = false) {
    const was = this.status;
    const isLater = this.#next?.kind === 'later';
    this.status = status;
    if (next !== undefined) this.#next = next;
    if (contactRequested !== undefined) contact.hidden = !(contactRequested || this.#isNeeded);
    if (csatRequested !== undefined) csat.hidden = !csatRequested;
    this.#head();
    if (status !== 'human') this.hush();
    if (was === status && (status !== 'waiting' || isLater === (this.#next?.kind === 'later'))) return '';
    if (status === 'waiting') return isFirst && next === undefined ? this.say('escalated') : this.next();
    if (status === 'bot') return was === 'resolved' ? '' : this.say('handedBack');
    return this.say(status);
  }

  /** What happens next where a person is asked for. */
  next() {
    return this.#next?.kind === 'later' ? this.when() : `${this.say('soon')} ${this.when()}`.trim();
  }

  /** When people are back or until when they are here, or '' where nobody says. */
  when() {
    const { kind, opensAt, closesAt } = this.#next ?? {};
    const time = opensAt || closesAt;
    if (!time) return kind === 'later' ? this.say('away') : '';
    const day = new Date(time);
    const isOther = day.toDateString() !== new Date().toDateString();
    const form = { hour: 'numeric', minute: '2-digit', ...(isOther && { weekday: 'long', day: 'numeric', month: 'long' }) };
    return this.say(opensAt ? 'later' : 'until', { time: day.toLocaleString(this.language, form) });
  }

  /** Asks for an address whether the server wants one or not: there is no other way to an answer. */
  needContact() {
    this.#isNeeded = true;
    contact.hidden = false;
  }

  /** An address is for people to know: what they answer comes to the panel alone. */
  promiseNoMail() {
    this.#isMailed = false;
    // It describes the form also while it is hidden.
    Object.assign(at('leaveWhy'), { textContent: '', hidden: true });
  }

  /** Puts the keyboard into the contact form, if it is there and the visitor has not gone on elsewhere. */
  focus() {
    const isFree = [document.body, at('talk')].includes(document.activeElement);
    // A touch keyboard would hide what the form is about.
    if (isFree && !contact.hidden && !matchMedia('(pointer: coarse)').matches) at('visitorName').focus();
  }

  wrote(name) {
    this.hush();
    this.#name = name;
    this.#head();
  }

  /** Lets the person who answers see that the visitor writes; it is a courtesy, and may fail. */
  visitorTypes(text) {
    const isHeard = this.status === 'human' || this.status === 'waiting';
    if (!isHeard || !text || Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    this.backend.typing().catch(() => {});
  }

  types() {
    this.#typing ??= this.messages.typing(this.say('writes', { name: this.#who() }), this.#name);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hush(), TYPING_MS);
  }

  hush() {
    this.#typing?.remove();
    this.#typing = null;
  }

  #who() {
    return this.#name || this.say('person');
  }

  #head() {
    const key = { waiting: 'asked', human: 'here' }[this.status] ?? 'subtitle';
    at('subtitle').textContent = this.say(key, { name: this.#who() });
    at('talk').hidden = this.status === 'human';
  }

  #refuse() {
    email.ariaInvalid = 'true';
    at('contactProblem').textContent = this.say('badEmail');
    email.focus();
  }

  #answer(answer) {
    return this.#send(contact, 'contactProblem', async () => {
      email.ariaInvalid = null;
      try {
        await this.backend.contact(answer);
      } catch (problem) {
        if (problem.status !== 422) throw problem;
        return this.#refuse();
      }
      this.#isNeeded = false;
      return this.say(answer.declined || !this.#isMailed ? 'stays' : 'thanks', answer);
    });
  }

  #rate() {
    const { csat: chosen, comment } = Object.fromEntries(new FormData(csat));
    if (!chosen) return csat.elements.csat[0].focus();
    return this.#send(csat, 'csatProblem', async () => {
      await this.backend.feedback({ csat: Number(chosen), ...(comment.trim() && { comment: comment.trim() }) });
      return this.say('rated');
    });
  }

  /** Sends a form; what `call` resolves with is the line that takes its place. */
  async #deliver(form, problem, call) {
    at(problem).textContent = '';
    try {
      const line = await call();
      if (!line) return;
      form.hidden = true;
      form.reset();
      this.done(line);
    } catch {
      at(problem).textContent = this.say('notSaved');
    }
  }
}

/** `action` that does nothing while it is still at work: a double click does a thing once. */
export function once(action) {
  let isAtWork = false;
  return async (...given) => {
    if (isAtWork) return;
    isAtWork = true;
    try {
      await action(...given);
    } finally {
      isAtWork = false;
    }
  };
}
