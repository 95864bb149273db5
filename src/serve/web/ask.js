/* ask.js - a question on its way: its session, the stream of its answer, a stop, a server that goes away.
 *
 * A turn is {text, edited, parent, place, known, answer, control}: the question, the one in whose place it is asked,
 * the message that it follows, the place before it, the messages of the tree so far, the answer, and its
 * AbortController. */

const NAME = 56; /* bytes of a name, of 64: a number may follow */

/* ---- the session ------------------------------------------------------------------------------------------------- */

/* The beginning of a question as the name of its session. Names have no characters that are not seen or that turn the
 * direction of writing, no slash (it would end the name in a path), and do not begin as an option or an id does. */
const UNSEEN = /[\s\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff/]+/gu;

function nameFor(question) {
    const bytes = new TextEncoder();
    const line = firstLine(question).replace(UNSEEN, ' ').replace(/^(-|ses_| )+/, '');
    let name = '';
    for (const c of line) {
        if (bytes.encode(name + c).length > NAME) break;
        name += c;
    }
    return name.trim();
}

/* A session for a first question, with a number behind a name that is taken, and without a name where the server
 * refuses it. */
async function makeSession(question) {
    const model = find('model').value, name = nameFor(question);
    const taken = new Set((await get('/v1/sessions')).data.map(s => s.name));
    let free = name;
    for (let i = 2; taken.has(free); i++) free = name + ' ' + i;
    try {
        return await post('/v1/sessions', name ? { model, name: free } : { model });
    } catch (e) {
        if (!name || (e.status !== 400 && e.status !== 409)) throw e;
        return post('/v1/sessions', { model });
    }
}

/* A server may have no store (status 501): then the page alone has the conversation, and sends all of its messages. */
async function findSession(turn) {
    if (talk.session || talk.unkept) return;
    try {
        talk.session = await makeSession(turn.text);
    } catch (e) {
        if (e.status !== 501) throw e;
        talk.unkept = true;
        notice(say('unkept'));
        return;
    }
    history.replaceState(null, '', '#' + talk.session.id);
    showTitle();
}

function makeBody({ text, edited, parent }) {
    const body = { model: find('model').value, messages: [{ role: 'user', content: text }], stream: true,
                   stream_options: { include_usage: true }, ...sampling() };
    const system = find('system').value.trim();
    if (parent === null && system) body.messages.unshift({ role: 'system', content: system });
    if (talk.unkept) {
        const before = pathTo(talk.tree, parent).map(({ role, content }) => ({ role, content }));
        return { ...body, messages: [...before, ...body.messages] };
    }
    const place = edited ? { edit: edited.id } : { parent: parent || '', branch: true };
    return { ...body, session: talk.session.id, ...place };
}

/* Add a turn to the tree of a conversation that the server does not keep. */
function keepHere({ text, parent, answer }) {
    const add = (role, content, tokens, above) => {
        const node = { id: 'here_' + talk.tree.nodes.size, parent: above, role, content, tokens, children: [] };
        siblingsOf(talk.tree, node).push(node);
        talk.tree.nodes.set(node.id, node);
        return node.id;
    };
    const system = find('system').value.trim(), usage = answer.usage || { prompt_tokens: 0, completion_tokens: 0 };
    const before = lengthOf(talk.tree, parent);
    if (parent === null && system) parent = add('system', system, 0, null);
    const question = add('user', text, usage.prompt_tokens - before, parent);
    return add('assistant', answer.text, usage.completion_tokens, question);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* The question and its answer that are on their way. */
function showPending({ text, parent }) {
    const question = make('article', 'message user', make('div', 'text', text));
    const card = make('article', 'message assistant', make('div', 'text'));
    card.firstChild.append(make('p', 'soft waiting', say('waiting')));
    const kept = pathTo(talk.tree, parent).map(n => makeMessage(talk.tree, n, null));
    find('talk').replaceChildren(...kept, question, card);
    find('welcome').hidden = true;
    talk.follows = true;
    scrollDown(true);
    return card;
}

function drawThought(card, answer) {
    if (!card.querySelector('.thought')) card.prepend(makeThought('', true));
    const thought = card.querySelector('.thought');
    showMarkdown(thought.lastChild, answer.thought);
    if (!answer.text || thought.dataset.ended) return;
    thought.open = false; /* once: the reader may open it again */
    thought.dataset.ended = 'true';
    thought.firstChild.textContent = say('thinking');
}

function drawAnswer(card, answer) {
    const text = card.querySelector('.text');
    if (answer.thought) drawThought(card, answer);
    if (text.querySelector('.waiting')) text.replaceChildren();
    showMarkdown(text, answer.text);
    scrollDown(false);
}

/* A function that shows the answer once a frame, however often it is called. */
function drawerOf(answer, card) {
    let due = false;
    return () => {
        if (due) return;
        due = true;
        requestAnimationFrame(() => {
            due = false;
            drawAnswer(card, answer);
        });
    };
}

function takeEvent(answer, event) {
    const choice = event.choices[0], delta = choice ? choice.delta : {};
    answer.text += delta.content || '';
    answer.thought += delta.reasoning_content || '';
    answer.finish = (choice && choice.finish_reason) || answer.finish;
    answer.usage = event.usage || answer.usage;
    answer.message = event.message || answer.message;
    return Boolean(delta.content || delta.reasoning_content);
}

async function stream(turn, card) {
    const measure = measureAnswer(lengthOf(talk.tree, turn.parent)), draw = drawerOf(turn.answer, card);
    try {
        const response = await request('POST', '/v1/chat/completions', makeBody(turn), turn.control.signal);
        for await (const event of readEvents(response)) {
            if (!takeEvent(turn.answer, event)) continue;
            measure.count();
            draw();
        }
    } finally {
        measure.end(turn.answer.usage);
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

function showAnswer(id, { answer }) {
    if (answer.thought) thoughts.set(id, answer.thought);
    talk.at = talk.tip = id;
    showTalk();
    endMeter(stepsTo(talk.tree, id));
    scrollDown(false);
    find('spoken').textContent = say('answered', { text: answer.text });
}

/* Show the turn as the server has kept it. */
async function finish(turn) {
    if (talk.unkept) turn.answer.message = keepHere(turn);
    else await refresh();
    showAnswer(turn.answer.message, turn);
    if (turn.answer.finish === 'length') notice(say('atLimit'));
}

/* Is a message a new answer of this turn? Other windows ask in the same session. */
function isAnswerOf(turn, message) {
    const question = talk.tree.nodes.get(message.parent);
    if (turn.known.has(message.id) || !question || question.content !== turn.text) return false;
    const above = talk.tree.nodes.get(question.parent);
    return (above && above.role !== 'system' ? above.id : null) === turn.parent;
}

/* A stopped answer is kept as far as it was written, which takes the server some moments. */
async function findStopped(turn) {
    if (talk.unkept && turn.answer.text) {
        showAnswer(keepHere(turn), turn);
        return true;
    }
    for (let i = 0; i < 15 && talk.session; i++) {
        const kept = (await refresh()).messages.findLast(m => isAnswerOf(turn, m));
        if (kept) {
            showAnswer(kept.id, turn);
            return true;
        }
        await new Promise(resolve => setTimeout(resolve, 100));
    }
    return false;
}

const isDeleted = e => e.code === 'session_not_found';

/* After a stop or a failure: the part that is kept, else the question in the input again. */
async function recover(turn, e) {
    const { control: { signal }, text, edited } = turn, lost = e.status === 0 || e.code === 'shutting_down';
    let deleted = isDeleted(e);
    const stopped = new Promise(resolve => signal.addEventListener('abort', resolve));
    if (lost) await Promise.race([waitForServer(), stopped]);
    const gone = lost && signal.aborted, moved = e.code === 'head_moved';
    const none = error => {
        deleted = isDeleted(error);
        return false;
    };
    if (!gone && (lost || moved || isStopped(e)) && await findStopped(turn).catch(none)) return;
    if (!edited || edited.content !== text) setQuestion([text, find('text').value].filter(Boolean).join('\n'));
    if (deleted) clearTalk();
    else talk.at = turn.place;
    showTalk();
    if (!gone) notice(deleted ? say('deleted') : lost ? say('lost') : isStopped(e) ? say('notKept') : e.message);
}

function setRunning(on) {
    find('send').hidden = on;
    find('stop').hidden = !on;
    find('talk').setAttribute('aria-busy', on);
    for (const id of ['slider', 'other', 'model']) find(id).disabled = on;
}

async function askNow(turn) {
    closeCompare();
    talk.running = turn.control;
    setRunning(true);
    notice('');
    const card = showPending(turn);
    try {
        await findSession(turn);
        await stream(turn, card);
        await finish(turn);
    } catch (e) {
        await recover(turn, e);
    } finally {
        talk.running = null;
        setRunning(false);
    }
    listSessions();
    if (!currentModel().meta.version) readModels().catch(() => {}); /* it was loaded for this answer */
}

/* Ask a question, in place of an earlier one if `edited` is given. */
function ask(text, edited) {
    if (talk.running || !text.trim()) return;
    talk.ended = askNow({
        text, edited, parent: edited ? edited.parent : talk.at, place: talk.at, known: new Set(talk.tree.nodes.keys()),
        answer: { text: '', thought: '', usage: null, message: null, finish: '' }, control: new AbortController(),
    });
}
