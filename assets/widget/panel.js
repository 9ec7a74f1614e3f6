// The panel owns the visitor's conversation: what is sent, streamed, kept after a failure, and read out.

import { Backend, Problem } from './api.js';
import { Composer } from './composer.js';
import { HandOff, once } from './handoff.js';
import { Host } from './host.js';
import { Live } from './live.js';
import { Messages, showSuggestions } from './messages.js';
import { chooseLanguage, concern, direction, sentenceFor, textsIn } from './texts.js';
import { applyAccent } from './theme.js';

const query = new URLSearchParams(location.search);
const tenant = query.get('t') ?? '';
const at = (id) => document.getElementById(id);
const [field, scroller, banner] = ['message', 'scroller', 'banner'].map(at);

const host = new Host(tenant, turn);
let language;
let say;
let config = {};
let messages;
let composer;
let backend;
let handOff;
let live;
let conversationId;
let canRate = false; // by backends that say whether something is rated
let isTakenOver = false; // by a person, in the middle of the bot's answer
let asked; // the turn that is being answered
const heard = []; // while an answer streams; it shows below the answer
const seen = new Set(); // the ids of the messages that are shown
let told = 0; // how often the live connection has told how the conversation stands
let unheard = []; // turns of ours whose ids are not known yet
let isBusy = true; // until the history stands above what is written next

const isAway = () => document.hidden || !host.isVisible;

/** The panel came into view, or left it. */
function turn() {
  if (!host.isVisible) return live?.look();
  // A touch keyboard that jumps up unasked hides the conversation.
  const target = matchMedia('(pointer: coarse)').matches ? scroller : field;
  target.focus({ preventScroll: true });
  toEnd();
  catchUp();
}

/** Hears on as somebody looks or not, and shows what was begun in another tab. */
async function catchUp() {
  live?.look();
  if (document.hidden || conversationId || isBusy) return;
  const thread = await backend.history().catch(() => null);
  if (thread?.conversationId && !conversationId && !isBusy) following(() => showHistory(thread));
}

/** Speaks the visitor's language, else the workspace's first that the panel has, else English. */
async function speak(own, workspace) {
  language = own ?? chooseLanguage(workspace) ?? 'en';
  say = await textsIn(language);
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
  at('subtitle').textContent = say('subtitle');
  for (const node of document.querySelectorAll('[data-say]')) node.textContent = say(node.dataset.say);
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
  const words = sentences.filter(Boolean).join(' ');
  if (words) at('announcer').textContent = words;
}

function setBusy(busy) {
  isBusy = busy;
  composer.setBusy(busy);
}

async function send(text, turn = messages.visitor(text)) {
  setBusy(true);
  asked = turn;
  turn.id = null;
  unheard.push(turn);
  at('suggestions').hidden = true;
  const answer = messages.stream();
  toEnd();
  try {
    conclude(answer, await receive(answer, text));
    composer.keep();
  } catch (problem) {
    if (isTakenOver) conclude(answer, { handledBy: 'human', messageId: turn.id, conversationId });
    else fail(answer, turn, problem);
  } finally {
    isTakenOver = false;
    setBusy(false);
    drain();
  }
}

function fail(answer, turn, problem) {
  const sentence = sentenceFor(problem, say, language);
  answer.remove();
  turn.fail(sentence, () => {
    if (isBusy) return;
    turn.resend();
    field.focus();
    send(turn.text, turn);
  });
  // Where nothing can be answered any more, an address is the way to an answer.
  if (problem.status === 402) handOff.needContact();
  toEnd();
  announce(sentence, problem.status === 402 && say('leave'));
  // A reload would lose the bubble, so the text waits as the draft as well.
  composer.keep(turn.text);
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

/** Puts the finished answer in place, with the calm line that says when a person is concerned. */
function conclude(answer, done) {
  const { answer: words, citations = [], messageId, handledBy, escalated, reason } = done;
  const isHuman = handledBy === 'human';
  const isLeft = handledBy === 'people'; // kept for them, where no more is answered at the moment
  if (!words && !isHuman && !isLeft) throw new Problem(500);
  const isNew = !seen.has(messageId);
  let line;
  following(() => {
    forgetOlder(messageId, isHuman);
    if (words && isNew) {
      answer.finish(words, citations);
      offerThumbs(answer, messageId);
    } else answer.remove();
    line = handOff.update({ ...done, status: done.status ?? (isHuman ? 'human' : escalated ? 'waiting' : undefined) });
    if (isLeft) line ||= done.status === 'waiting' ? handOff.next() : say('unavailable');
    else if (escalated && !isHuman) line = [concern(reason, say), handOff.when()].filter(Boolean).join(' ');
    if (line) messages.system(line);
  });
  announce(words && answer.spoken(words), line);
  if (words) host.noteAnswer();
  begin(done.conversationId, messageId);
}

/** Of the statuses that were heard meanwhile, only one that is newer than what ends the turn is told after it. */
function forgetOlder(messageId, isHuman) {
  const statuses = heard.filter(([event]) => event === 'status');
  // The bot says nothing any more once a person is there, and a status comes before the messages of its moment.
  const isNewer =
    statuses.at(-1)?.[1].status === 'human' ||
    (isHuman ? isTakenOver || handOff.status === 'human' : heard.some(([event, { id }]) => event === 'message' && id === messageId));
  for (const older of isNewer ? statuses.slice(0, -1) : statuses) {
    heard.splice(heard.indexOf(older), 1);
    handOff.update({ csatRequested: older[1].csatRequested });
  }
}

/** Hears of this conversation from now on, from the message `last` on when it has just begun. */
function begin(id, last) {
  seen.add(last);
  if (!id) return;
  if (id !== conversationId) {
    if (conversationId) backend.missed(seen, last).then((all) => all.forEach((each) => hear('message', each)), () => {});
    live.leave(); // what is written after some days goes into another one than is shown
    unheard = [];
  }
  conversationId = id;
  live.start(last);
}

function offerThumbs(answer, messageId, rating = null) {
  if (!canRate || !messageId) return;
  answer.rate(rating, async (wanted) => {
    const { escalated } = await backend.feedback({ messageId, rating: wanted });
    if (escalated) refresh().catch(() => learn({ status: 'waiting' }));
    else if (wanted) announce(say('rated'));
  });
}

/** Shows and reads out a line of the panel's own. */
function tell(line) {
  following(() => messages.system(line));
  announce(line);
}

/** Takes over what the server says of the conversation; returns the line that this showed, if it did. */
function learn(state) {
  let line;
  following(() => {
    line = handOff.update(state);
    if (line) messages.system(line);
  });
  announce(line);
  return line;
}

/** The same as it stands now, unless the live connection tells of it meanwhile: what was read may be older. */
async function refresh() {
  const before = told;
  const state = await backend.history();
  return told === before && learn(state);
}

/** Shows a message of the history or of the live connection; resolves with what to read out. */
function place({ id, role, text, citations, rating, handledBy, author, authorName = author }) {
  seen.add(id);
  if (role !== 'visitor' && asked?.id) {
    // The answer came after all, though its stream broke.
    asked.succeed();
    composer.keep();
  }
  if (role === 'visitor') messages.visitor(text);
  else if (role === 'system') messages.system(text);
  else if (role === 'member' || handledBy === 'human') {
    handOff.wrote(authorName);
    return messages.person(text, authorName);
  } else {
    const answer = messages.answer(text, citations ?? []);
    offerThumbs(answer, id, rating);
    return answer.spoken(text);
  }
  return role === 'system' && text;
}

/** The turn of ours that a message is, if it is one; from now on its id is known. */
function recognise({ id, role, text }) {
  const turn = role === 'visitor' && unheard.find((each) => each.text === text);
  if (!turn) return null;
  turn.id = id;
  seen.add(id);
  unheard = unheard.filter((each) => each !== turn);
  return turn;
}

function hear(event, data) {
  if (event === 'typing') return following(() => handOff.types());
  if (event === 'message') recognise(data);
  if (event === 'status') canRate ||= data.csatRequested !== undefined;
  heard.push([event, data]);
  if (!isBusy) return drain();
  // A person who takes over ends the bot's answer, once the question has arrived.
  if (asked?.id && handOff.status !== 'human' && heard.some(([name, { status }]) => name === 'status' && status === 'human')) {
    isTakenOver = true;
    backend.stop();
  }
}

function drain() {
  for (const [event, data] of heard.splice(0)) {
    if (event === 'status') {
      told += 1;
      learn(data);
    } else if (event === 'message' && !seen.has(data.id)) {
      following(() => announce(place(data)));
      if (data.role !== 'visitor') host.noteAnswer();
    }
  }
}

/** Shows the earlier messages; false when there are none. */
function showHistory(thread) {
  const { messages: earlier, ...state } = thread;
  canRate = state.csatRequested !== undefined;
  if (earlier.length) at('suggestions').hidden = true;
  for (const message of earlier) {
    const turn = recognise(message);
    if (turn) turn.moveDown();
    else place(message);
  }
  const line = earlier.length && handOff.update(state, true);
  if (line && !earlier.some(({ role }) => role === 'system')) messages.system(line);
  begin(state.conversationId, earlier.at(-1)?.id);
  return earlier.length > 0;
}

/** Brings a person: with a word to the backend, or before the first message (and with older backends) by asking. */
const talk = once(async () => {
  at('suggestions').hidden = true;
  try {
    // The first message may still be on its way.
    while (isBusy && !conversationId) await new Promise((resolve) => setTimeout(resolve, 100));
    if (conversationId) {
      const wasWaiting = handOff.status === 'waiting';
      await backend.escalate(conversationId).catch((problem) => {
        if (problem.status !== 409) throw problem; // but where a person was faster
      });
      // Said again to who asks again; else it may have been said by the live connection, which was faster.
      if (!(await refresh()) && wasWaiting && handOff.status === 'waiting') tell(handOff.next());
      toEnd();
      return handOff.focus();
    }
  } catch (problem) {
    if (problem.status !== 404 && problem.status !== 405) return tell(sentenceFor(problem, say, language));
  }
  if (!isBusy) await send(say('talk'));
});

function suggest(questions) {
  showSuggestions(at('suggestions'), questions, (question) => {
    if (isBusy) return;
    field.focus();
    send(question);
  });
}

function listen() {
  // The second click of a double click may come when the first one is answered.
  at('talk').addEventListener('click', ({ detail }) => detail < 2 && talk());
  at('close').addEventListener('click', () => host.close());
  addEventListener('keydown', (event) => event.key === 'Escape' && !event.isComposing && host.close());
  addEventListener('online', () => (config.name ? showBanner() : location.reload()));
  addEventListener('offline', showBanner);
  document.addEventListener('visibilitychange', catchUp);
}

async function start() {
  const own = chooseLanguage(navigator.languages ?? [navigator.language]);
  if (own) textsIn(own); // on its way while the configuration is
  const kept = host.session(query.get('o'), () => (at('close').hidden = false), () => asked);
  try {
    config = await Backend.config(tenant);
  } catch {
    config = { offline: true };
  }
  await speak(own, config.languages ?? []);
  listen();
  applyAccent(config.accent);
  at('brand').hidden = !config.branded;
  introduce(config.name ?? '');
  showBanner();
  composer = new Composer(tenant, { say, language, announce, send, typed: (text) => handOff?.visitorTypes(text) });
  messages = new Messages(at('log'), say, config.name);
  if (config.name) messages.answer(config.greeting || say('greeting'));
  backend = new Backend(tenant, await kept, (session) => host.keep(session), isAway);
  live = new Live(backend, hear);
  handOff = new HandOff(messages, backend, say, language, (line) => {
    tell(line);
    toEnd();
    field.focus();
  });
  if (config.mailsAnswers === false) handOff.promiseNoMail();
  try {
    if (!showHistory(await backend.history())) suggest(config.suggestions ?? []);
  } catch {
    // The conversation can go on without its past; sending says what is wrong, if anything is.
    suggest(config.suggestions ?? []);
  }
  setBusy(false);
  drain();
  toEnd();
}

start();
