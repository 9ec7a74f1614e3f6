// The host owns what connects the panel with the page around it: the loader's private port, or, stand-alone, our own storage.

// The page may be busy for long before its loader can speak; without a word from it the panel starts on its own.
const HELLO_MS = 10_000;

/** A value of the browser's storage, or with a third argument its new value; null wherever storage is blocked. */
export function stored(store, key, ...value) {
  try {
    const storage = window[store];
    if (!value.length) return storage.getItem(key);
    return value[0] ? storage.setItem(key, value[0]) : storage.removeItem(key);
  } catch {
    return null;
  }
}

// randomUUID exists in secure contexts only; pages on plain http have getRandomValues.
export const newSessionId = () =>
  crypto.randomUUID?.() ??
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (c) =>
    (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16),
  );

export class Host {
  isVisible = true;
  pageUrl;
  #port;
  #tenant;
  #isFrame = window.parent !== window;
  #turned;
  #isAlone = false;
  #kept;
  #unread = 0;

  /** `turned` is called whenever the panel comes into view or leaves it. */
  constructor(tenant, turned) {
    this.#tenant = tenant;
    this.#turned = turned;
  }

  /**
   * Resolves with {sessionId, token?} of the earlier visit, or with a new one. Inside a frame the panel never uses a
   * session of its own: any page that frames it could make it show a conversation that was held elsewhere.
   * `origin` is the page's, as the loader wrote it into our address. A loader that speaks when we have started without
   * it is told our session where `isInUse()`; else we start again, with the one that it has.
   */
  session(origin, connected, isInUse) {
    if (!this.#isFrame) {
      const sessionId = stored('localStorage', `hn_sid:${this.#tenant}`) ?? newSessionId();
      return Promise.resolve({ sessionId, token: stored('localStorage', `hn_token:${this.#tenant}`) });
    }
    return new Promise((resolve) => {
      addEventListener('message', ({ source, origin: sender, data, ports: [port] }) => {
        const isLoader = source === window.parent && sender === origin;
        if (this.#port || !isLoader || data?.type !== 'helpninja' || !port) return;
        if (this.#isAlone && !isInUse()) return location.reload();
        this.#port = port;
        port.onmessage = (event) => this.#hear(event.data);
        port.postMessage({ type: 'ready' });
        connected();
        if (this.#kept) this.keep(this.#kept);
        this.#hear({ type: data.visible ? 'visible' : 'hidden', pageUrl: data.pageUrl });
        resolve({ sessionId: data.sessionId || newSessionId(), token: data.token });
      });
      const alone = () => {
        this.#isAlone = !this.#port;
        resolve({ sessionId: newSessionId() });
      };
      // In a bare frame on somebody's page there is no loader.
      const begin = () => setTimeout(alone, origin ? HELLO_MS : 0);
      // A loader speaks when the frame is loaded, however long that takes.
      if (document.readyState === 'complete') begin();
      else addEventListener('load', begin);
    });
  }

  keep({ sessionId, token }) {
    if (this.#isFrame) {
      this.#kept = { sessionId, token };
      this.#port?.postMessage({ type: 'session', ...this.#kept });
    } else {
      stored('localStorage', `hn_sid:${this.#tenant}`, sessionId);
      stored('localStorage', `hn_token:${this.#tenant}`, token);
    }
  }

  close() {
    // What is heard before the loader's word comes back is unread already.
    if (this.#port) this.isVisible = false;
    this.#port?.postMessage({ type: 'close' });
  }

  /** Counts an answer that arrived while nobody looked, for the badge on the bubble. */
  noteAnswer() {
    if (!this.isVisible) this.#port?.postMessage({ type: 'unread', count: (this.#unread += 1) });
  }

  #hear(data) {
    if (data?.pageUrl) this.pageUrl = data.pageUrl;
    if (data?.type === 'hidden') this.isVisible = false;
    else if (data?.type === 'visible') {
      this.isVisible = true;
      this.#unread = 0;
    } else return;
    this.#turned();
  }
}
