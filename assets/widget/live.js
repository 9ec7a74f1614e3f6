// The live connection owns hearing what happens in the conversation: one stream, reopened patiently, closed while
// nobody looks.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const HIDDEN_MS = 120_000;

export class Live {
  #backend;
  #hear;
  #after;
  #stop;
  #isWanted = false;
  #isAway;
  #timer;
  #wake = () => {};

  /** `hear(event, data)` gets each event; nothing comes twice, however often the connection breaks. */
  constructor(backend, hear) {
    this.#backend = backend;
    this.#hear = hear;
    addEventListener('online', () => this.#wake());
  }

  /** Hears from now on what comes after the message `after`; once is enough, and more does nothing. */
  start(after) {
    this.#after ??= after;
    this.#isWanted = true;
    this.#open();
  }

  /** Whether somebody looks may have changed: what comes is taken for seen from then on, or not any more. */
  look() {
    clearTimeout(this.#timer);
    if (document.hidden) this.#timer = setTimeout(() => this.#close(), HIDDEN_MS);
    if (this.#stop && this.#isAway !== this.#backend.isAway()) this.#close();
    else if (document.hidden) return;
    this.#open();
  }

  /** Hears no more of this conversation; `start` hears of another. */
  leave() {
    this.#close();
    this.#after = undefined;
  }

  #close() {
    this.#stop?.abort();
    this.#stop = null;
    this.#wake();
  }

  async #open() {
    if (!this.#isWanted || this.#stop) return this.#wake();
    const stop = (this.#stop = new AbortController());
    for (let tries = 0; !stop.signal.aborted; tries += 1) {
      let wait = 0;
      this.#isAway = this.#backend.isAway();
      try {
        for await (const { event, data } of this.#backend.events(this.#after, stop.signal)) {
          if (stop.signal.aborted) return;
          tries = 0;
          if (event === 'message') this.#after = data.id;
          this.#hear(event, data);
        }
      } catch ({ status, retryAfter = 0 }) {
        // Nothing to hear here (any more): the next message, or the next look at the panel, tries again.
        if ((status === 403 || status === 404) && this.#stop === stop) return (this.#stop = null);
        wait = retryAfter * 1000;
      }
      if (stop.signal.aborted) return;
      // Not all panels at once when a server comes back.
      wait = Math.max(wait, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + Math.random() / 2));
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
  }
}
