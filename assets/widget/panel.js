// The panel owns the visitor's conversation: what is typed, sent, streamed, kept after a failure, and read out.

import { Backend, Problem } from './api.js';
import { Host, stored } from './host.js';
import { element } from './markdown.js';
import { Messages } from './messages.js';
import { chooseLanguage, direction, textsIn } from './texts.js';
import { applyAccent } from './theme.js';

const LIMIT = 4000;
const COUNTER_FROM = 3600;

const query = new URLSearchParams(location.search);
const tenant = query.get('t') ?? '';
const at = (id) => document.getElementById(id);
const [form, field, scroller, banner] = ['composer', 'message', 'scroller', 'banner'].map(at);

const host = new Host(tenant, show);
let language;
let say;
let config = {};
let messages;
let backend;
let isBusy = true; // until the history stands above what is written next

function show() {
  // A touch keyboard that jumps up unasked hides the conversation.
  const target = matchMedia('(pointer: coarse)').matches ? scroller : field;
  target.focus({ preventScroll: true });
  toEnd();
}

function speak(languages = []) {
  language = chooseLanguage(navigator.languages ?? [navigator.language], languages);
  say = textsIn(language);
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
  at('subtitle').textContent = say('subtitle');
  at('note').textContent = say(config.generated === false ? 'quoted' : 'note');
  field.placeholder = say('write');
  const labels = { message: 'write', send: 'send', close: 'close', scroller: 'conversation', suggestions: 'suggestions' };
  for (const id in labels) at(id).ariaLabel = say(labels[id]);
}

function introduce(name) {
  document.title = name;
  at('name').textContent = name;
  at('avatar').textContent = [...name][0]?.toUpperCase() ?? '';
}

function showBanner() {
  const text = !navigator.onLine ? say('offline') : config.offline ? say('unavailable') : '';
  banner.textContent = text;
  banner.hidden = !text;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

/** Runs `change` and stays at the end of the conversation if the reader was there. */
function following(change) {
  const wasAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  change();
  if (wasAtEnd) toEnd();
}

function announce(...sentences) {
  at('announcer').textContent = sentences.filter(Boolean).join(' ');
}

const keepDraft = (text) => stored('sessionStorage', `hn_draft:${tenant}`, text);
// As the server counts: code points, not UTF-16 units.
const isTooLong = () => [...field.value].length > LIMIT;

function measure() {
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
  const length = [...field.value].length;
  const number = new Intl.NumberFormat(language);
  const counter = at('counter');
  counter.hidden = length < COUNTER_FROM;
  counter.textContent = `${number.format(length)} / ${number.format(LIMIT)}`;
  counter.classList.toggle('over', isTooLong());
  if (isTooLong() && !field.ariaInvalid) announce(say('tooLong', { max: number.format(LIMIT) }));
  field.ariaInvalid = isTooLong() ? 'true' : null;
  setBusy(isBusy);
  keepDraft(field.value);
}

function setText(text) {
  field.value = text;
  measure();
}

function setBusy(busy) {
  isBusy = busy;
  at('send').ariaDisabled = String(busy || isTooLong());
}

function submit() {
  const text = field.value.trim();
  if (!text || isBusy || isTooLong()) return;
  setText('');
  send(text);
}

function sentenceFor({ status, retryAfter }) {
  const seconds = new Intl.NumberFormat(language, { style: 'unit', unit: 'second', unitDisplay: 'long' });
  if (status === 0) return say('network');
  if (status === 402) return say('quota');
  if (status === 403 || status === 404) return say('forbidden');
  if (status === 413 || status === 422) return say('invalid');
  if (status === 429) return say('slowDown', { time: seconds.format(retryAfter || 30) });
  return say('failed');
}

async function send(text, turn = messages.visitor(text)) {
  setBusy(true);
  at('suggestions').hidden = true;
  const answer = messages.stream();
  toEnd();
  try {
    conclude(answer, await receive(answer, text));
    keepDraft(field.value);
  } catch (problem) {
    answer.remove();
    turn.fail(sentenceFor(problem), () => {
      if (isBusy) return;
      turn.resend();
      field.focus();
      send(text, turn);
    });
    toEnd();
    announce(sentenceFor(problem));
    // A reload would lose the bubble, so the text waits as the draft as well.
    keepDraft(field.value || text);
  } finally {
    setBusy(false);
  }
}

/** Shows the answer as it streams in; resolves with the data of `done`. */
async function receive(answer, text) {
  let words = '';
  let citations = [];
  let frame = 0;
  const paint = () => {
    frame = 0;
    following(() => answer.show(words, citations));
  };
  try {
    for await (const { event, data } of backend.ask(text, { voice: query.get('voice') ?? config.voice, pageUrl: host.pageUrl })) {
      if (event === 'done') return data;
      if (event === 'citations') ({ citations } = data);
      if (event === 'token') words += data.text;
      if (words) frame ||= requestAnimationFrame(paint);
    }
    throw new Problem(0);
  } finally {
    cancelAnimationFrame(frame);
  }
}

/** Nothing where the answer says itself that a person was asked. */
function concern(reason) {
  if (reason === 'no_answer' || reason === 'visitor_request') return '';
  return say(reason === 'provider_error' ? 'stoodIn' : 'escalated');
}

/** Puts the finished answer in place, with the calm line that says when a person is concerned. */
function conclude(answer, { answer: words, citations = [], handledBy, escalated, reason }) {
  if (!words && handledBy !== 'human') throw new Problem(500);
  const line = handledBy === 'human' ? say('human') : escalated && concern(reason);
  following(() => {
    if (words) answer.finish(words, citations);
    else answer.remove();
    if (line) messages.system(line);
  });
  announce(words && answer.spoken(words), line);
  host.noteAnswer();
}

/** Shows the earlier messages; false when there are none. */
function showHistory({ status, messages: earlier }) {
  for (const { role, text, citations } of earlier) {
    if (role === 'visitor') messages.visitor(text);
    else if (role === 'system') messages.system(text);
    else messages.answer(text, citations ?? []);
  }
  if (earlier.length && !earlier.some(({ role }) => role === 'system')) {
    if (status === 'waiting') messages.system(say('escalated'));
    if (status === 'human') messages.system(say('human'));
  }
  return earlier.length > 0;
}

function suggest(questions) {
  const ask = (question) => () => {
    if (isBusy) return;
    field.focus();
    send(question);
  };
  const button = (question) => element('button', { type: 'button', dir: 'auto', onclick: ask(question) }, question);
  at('suggestions').replaceChildren(...questions.map((question) => element('li', {}, button(question))));
  at('suggestions').hidden = !questions.length;
}

function listen() {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  field.addEventListener('input', measure);
  field.addEventListener('keydown', (event) => {
    // 229 is what Safari reports for the Enter that ends a composition.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  at('close').addEventListener('click', () => host.close());
  addEventListener('keydown', (event) => event.key === 'Escape' && !event.isComposing && host.close());
  addEventListener('online', () => (config.name ? showBanner() : location.reload()));
  addEventListener('offline', showBanner);
}

async function start() {
  speak();
  listen();
  const kept = host.session(query.get('o'), () => (at('close').hidden = false));
  try {
    config = await Backend.config(tenant);
  } catch {
    config = { offline: true };
  }
  speak(config.languages);
  applyAccent(config.accent);
  introduce(config.name ?? '');
  showBanner();
  messages = new Messages(at('log'), say, config.name);
  if (config.name) messages.answer(config.greeting || say('greeting'));
  setText(field.value || stored('sessionStorage', `hn_draft:${tenant}`) || '');
  backend = new Backend(tenant, await kept, (session) => host.keep(session));
  try {
    if (!showHistory(await backend.history())) suggest(config.suggestions ?? []);
  } catch {
    // The conversation can go on without its past; sending says what is wrong, if anything is.
    suggest(config.suggestions ?? []);
  }
  setBusy(false);
  toEnd();
}

start();
