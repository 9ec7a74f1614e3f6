// The messages own how one turn of the conversation looks: bubbles, chips, sources, thumbs, failures, system lines.

import { once } from './handoff.js';
import { element, outward, plainText, renderMarkdown, safeUrl } from './markdown.js';

const row = (kind, author, ...children) =>
  element('li', { className: kind }, ...(author ? [element('span', { className: 'unseen' }, `${author}: `)] : []), ...children);

const dotsOf = (label) =>
  element('div', { className: 'bubble typing' }, element('span', { className: 'unseen' }, label), ...['i', 'i', 'i'].map((i) => element(i)));

/** Questions to begin with as buttons in `list`; `ask` gets the one that is pressed. */
export function showSuggestions(list, questions, ask) {
  const button = (question) => element('button', { type: 'button', dir: 'auto', onclick: () => ask(question) }, question);
  list.replaceChildren(...questions.map((question) => element('li', {}, button(question))));
  list.hidden = !questions.length;
}

export class Messages {
  /** `log` is the list that takes the turns, `say` gives the panel's sentences, `name` is who answers. */
  constructor(log, say, name = '') {
    this.log = log;
    this.say = say;
    this.name = name;
  }

  #add(node) {
    this.log.append(node);
    return node;
  }

  /** Dots of somebody who writes, until they are removed. */
  typing(label, author) {
    return this.#add(row('message bot', author, dotsOf(label)));
  }

  /** What a person of the team wrote, under their name. */
  person(text, author = '') {
    const words = element('div', { className: 'text', dir: 'auto' }, renderMarkdown(text, { chip: () => null, isCited: () => true }));
    const name = author && element('p', { className: 'author', dir: 'auto' }, author);
    this.#add(element('li', { className: 'message bot person' }, name, element('div', { className: 'bubble' }, words)));
    return `${author ? `${author}: ` : ''}${plainText(text)}`;
  }

  system(text) {
    return this.#add(row('system', '', text));
  }

  visitor(text) {
    const bubble = element('div', { className: 'bubble', dir: 'auto' }, text);
    const node = this.#add(row('message visitor', this.say('you'), bubble));
    const failure = element('div', { className: 'failure' });
    const succeed = () => {
      node.classList.remove('failed');
      failure.remove();
    };
    const moveDown = () => this.log.append(node);
    return {
      text,
      succeed,
      moveDown,
      fail: (reason, retry) => {
        const button = element('button', { type: 'button', onclick: retry }, this.say('retry'));
        failure.replaceChildren(element('span', {}, reason), button);
        node.classList.add('failed');
        node.append(failure);
      },
      resend: () => {
        succeed();
        moveDown();
      },
    };
  }

  /** A finished answer. */
  answer(text, citations = []) {
    const answer = this.stream();
    answer.finish(text, citations);
    return answer;
  }

  /** An answer that is on its way: dots until the first words, then the words as they come. */
  stream() {
    const dots = dotsOf(this.say('typing'));
    const text = element('div', { className: 'text', dir: 'auto' });
    const bubble = element('div', { className: 'bubble' }, text);
    const node = this.#add(row('message bot', this.name, dots));
    const show = (words, citations, streaming) => {
      dots.replaceWith(bubble);
      const cited = new Map(citations.map((citation) => [citation.n, this.#source(citation)]));
      const links = new Set([...cited.values()].map((source) => source.href).filter(Boolean));
      const chip = (n) => cited.get(n)?.chip() ?? (streaming ? element('span', { className: 'chip' }, String(n)) : null);
      text.replaceChildren(renderMarkdown(words, { chip, isCited: (href) => links.has(href), streaming }));
      return cited;
    };
    return {
      show: (words, citations = []) => show(words, citations, true),
      finish: (words, citations) => {
        const cited = show(words, citations, false);
        if (!cited.size) return;
        const list = element('ul', { className: 'sources', ariaLabel: this.say('sources') });
        list.append(...[...cited.values()].map((source) => element('li', { dir: 'auto' }, source.entry)));
        bubble.append(list);
      },
      /** Thumbs that can be changed; `save(rating)` resolves when a rating is stored, null takes it back. */
      rate: (rating, save) => bubble.append(this.#thumbs(rating, save)),
      remove: () => node.remove(),
      spoken: (words) => `${this.name}: ${plainText(words)}`,
    };
  }

  #thumbs(rating, save) {
    const problem = element('span', { role: 'status' });
    const press = once(async (value) => {
      const before = rating;
      rating = value === rating ? null : value;
      problem.textContent = '';
      show();
      try {
        await save(rating);
      } catch {
        rating = before;
        show();
        problem.textContent = this.say('notSaved');
      }
    });
    const buttons = ['up', 'down'].map((value) => {
      // The second click of a double click would take the first one back.
      const onclick = ({ detail }) => detail < 2 && press(value);
      const label = this.say(value);
      const button = element('button', { type: 'button', className: value, title: label, ariaLabel: label, value, onclick });
      button.append(document.getElementById('thumb').content.cloneNode(true));
      return button;
    });
    const show = () => buttons.forEach((button) => (button.ariaPressed = String(button.value === rating)));
    show();
    return element('div', { className: 'thumbs', role: 'group', ariaLabel: this.say('helpful') }, ...buttons, problem);
  }

  /** A page opens in a new tab; a file has no address, so its passage unfolds in the list of sources. */
  #source({ n, title, url, snippet }) {
    const href = safeUrl(url);
    const label = this.say('source', { n, title });
    const words = `${n} ${title}`;
    if (href) {
      return {
        href,
        entry: outward(href, {}, words),
        chip: () => outward(href, { className: 'chip', title, ariaLabel: label }, String(n)),
      };
    }
    const summary = element('summary', {}, words);
    const entry = element('details', {}, summary, element('blockquote', {}, snippet ?? ''));
    const unfold = () => {
      entry.open = true;
      summary.focus();
      entry.scrollIntoView({ block: 'nearest' });
    };
    return {
      entry,
      chip: () => element('button', { type: 'button', className: 'chip', title, ariaLabel: label, onclick: unfold }, String(n)),
    };
  }
}
