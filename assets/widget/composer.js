// The composer owns what the visitor types: its height and limit, the draft that a reload keeps, and the button that sends it.

import { stored } from './host.js';

const LIMIT = 4000;
const COUNTER_FROM = 3600;
const at = (id) => document.getElementById(id);
const [form, field] = ['composer', 'message'].map(at);
// As the server counts: code points, not UTF-16 units.
const length = () => [...field.value].length;
const isTooLong = () => length() > LIMIT;

export class Composer {
  #isBusy = true;

  /** `send(text)` gets what is sent, `typed(text)` what stands there, `announce` what has to be read out. */
  constructor(tenant, { say, language, announce, send, typed }) {
    Object.assign(this, { draft: `hn_draft:${tenant}`, number: new Intl.NumberFormat(language), say, announce, send });
    const submitted = (event) => {
      event.preventDefault();
      this.#submit();
    };
    form.addEventListener('submit', submitted);
    field.addEventListener('input', () => {
      this.#measure();
      typed(field.value.trim());
    });
    field.addEventListener('keydown', (event) => {
      // 229 is what Safari reports for the Enter that ends a composition.
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submitted(event);
    });
    this.#write(field.value || stored('sessionStorage', this.draft) || '');
  }

  setBusy(busy) {
    this.#isBusy = busy;
    at('send').ariaDisabled = String(busy || isTooLong());
  }

  /** Keeps what stands there over a reload, or `text` where nothing does. */
  keep(text = '') {
    stored('sessionStorage', this.draft, field.value || text);
  }

  #submit() {
    const text = field.value.trim();
    if (!text || this.#isBusy || isTooLong()) return;
    this.#write('');
    this.send(text);
  }

  #write(text) {
    field.value = text;
    this.#measure();
  }

  #measure() {
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
    const counter = at('counter');
    counter.hidden = length() < COUNTER_FROM;
    counter.textContent = `${this.number.format(length())} / ${this.number.format(LIMIT)}`;
    counter.classList.toggle('over', isTooLong());
    if (isTooLong() && !field.ariaInvalid) this.announce(this.say('tooLong', { max: this.number.format(LIMIT) }));
    field.ariaInvalid = isTooLong() ? 'true' : null;
    this.setBusy(this.#isBusy);
    this.keep();
  }
}
