/* chat.js - the shown conversation: its place in the tree, questions, streamed answers.
 *
 * The page shows the path to `tip`; the conversation continues from `at`, a message on that path. Messages between the
 * two are those that going back has left. A question is always sent with the message that it follows (`parent` and
 * `branch`, or `edit`): whatever other windows do, the answer follows the text on the screen. */

const talk = { session: null, tree: emptyTree(), at: null, tip: null, running: null, ended: null };

const path = () => pathTo(talk.tree, talk.tip);

/* ---- show -------------------------------------------------------------------------------------------------------- */

const acts = {
    edit: (node, card) => editMessage(card, node, text => ask(text, node)),
    again: node => ask(talk.tree.nodes.get(node.parent).content, talk.tree.nodes.get(node.parent)),
    here: node => goTo(node.id),
    version: node => show(endBelow(node).id),
};

function showTalk() {
    const nodes = path(), at = nodes.findIndex(n => n.id === talk.at);
    const cards = nodes.map((node, i) => {
        const card = makeMessage(talk.tree, node, acts);
        if (i > at && node.role !== 'system') card.classList.add('later');
        return card;
    });
    const left = nodes.slice(at + 1).some(n => n.role !== 'system');
    if (left) cards.splice(at + 1, 0, make('p', 'mark', say('branchHere')));
    find('talk').replaceChildren(...cards);
    find('welcome').hidden = nodes.length > 0 || Boolean(talk.running);
    showTitle();
    showTree();
}

function showTitle() {
    const name = talk.session ? nameOf(talk.session) : '';
    find('title').textContent = name;
    document.title = name ? name + ' – wkv' : 'wkv';
}

/* Show the path to a message, continuing from it. */
function show(id) {
    if (talk.running) return;
    talk.tip = talk.at = id;
    closeCompare();
    showTalk();
    cutMeter(lengthOf(talk.tree, id));
    scrollDown(true);
}

/* Continue from a message: on the shown path the later ones stay in sight. */
function goTo(id) {
    if (talk.running) return;
    if (id !== null && !path().some(n => n.id === id)) {
        show(id);
        return;
    }
    talk.at = id;
    showTalk();
    cutMeter(lengthOf(talk.tree, id));
    const mark = document.querySelector('#talk .mark');
    if (mark) mark.scrollIntoView({ block: 'center' });
}

const lengthOf = (tree, id) => pathTo(tree, id).reduce((sum, n) => sum + n.tokens, 0);

/* Stop the answer and wait for what is kept of it. */
async function stopRunning() {
    if (talk.running) talk.running.abort();
    await talk.ended;
}

async function openSession(id) {
    await stopRunning();
    const session = await get('/v1/sessions/' + id);
    talk.session = session;
    talk.tree = readTree(session);
    chooseModelOf(session);
    cutMeter(-1);
    show(session.head);
    markSession();
}

async function newTalk() {
    await stopRunning();
    Object.assign(talk, { session: null, tree: emptyTree() });
    history.replaceState(null, '', '#');
    cutMeter(-1);
    show(null);
    markSession();
    find('text').focus();
}

/* Read the tree again. */
async function refresh() {
    const session = await get('/v1/sessions/' + talk.session.id);
    talk.session = session;
    talk.tree = readTree(session);
    return session;
}

/* ---- scrolling --------------------------------------------------------------------------------------------------- */

const isDown = () => {
    const e = find('scroll');
    return e.scrollHeight - e.scrollTop - e.clientHeight < 60;
};

/* Follow the end, unless the reader has scrolled up. */
function scrollDown(always) {
    const e = find('scroll');
    if (always || talk.follows) e.scrollTop = e.scrollHeight;
    find('down').hidden = isDown();
}

/* ---- ask --------------------------------------------------------------------------------------------------------- */

const NAME = 56; /* bytes of a name, of 64: a number may follow */

/* The beginning of a question as the name of its session. Names have no control characters, no slash (it would end the
 * name in a path), and do not begin as an option or an id does. */
function nameFor(question) {
    const bytes = new TextEncoder();
    const line = firstLine(question).replace(/[\x00-\x1f/]+/g, ' ').replace(/^(-|ses_| )+/, '');
    let name = '';
    for (const c of line) {
        if (bytes.encode(name + c).length > NAME) break;
        name += c;
    }
    return name.trim();
}

/* A session for a first question. Status 409: the name is taken, and a number makes another one. */
async function makeSession(question) {
    const model = find('model').value, name = nameFor(question);
    for (let i = 1; name && i < 10; i++) {
        try {
            return await post('/v1/sessions', { model, name: i > 1 ? name + ' ' + i : name });
        } catch (e) {
            if (e.status !== 409) throw e;
        }
    }
    return post('/v1/sessions', { model });
}

function makeBody(text, edited) {
    const messages = [{ role: 'user', content: text }];
    const place = edited ? { edit: edited.id } : { parent: talk.at || '', branch: true };
    const system = find('system').value.trim();
    if (!edited && !talk.at && system) messages.unshift({ role: 'system', content: system });
    return { session: talk.session.id, model: find('model').value, messages, stream: true,
             stream_options: { include_usage: true }, ...place, ...sampling() };
}

/* The question and its answer that are on their way. */
function showPending(text, edited) {
    const question = make('article', 'message user', make('div', 'text', text));
    const answer = make('article', 'message assistant', make('div', 'text'));
    answer.firstChild.append(make('p', 'soft waiting', say('waiting')));
    const end = edited ? edited.parent : talk.at;
    const kept = pathTo(talk.tree, end).map(n => makeMessage(talk.tree, n, null));
    find('talk').replaceChildren(...kept, question, answer);
    find('welcome').hidden = true;
    talk.follows = true;
    scrollDown(true);
    return answer;
}

/* Ask a question, in place of an earlier one if `edited` is given. */
function ask(text, edited) {
    if (!talk.running && text.trim()) talk.ended = askNow(text, edited);
}

async function askNow(text, edited) {
    closeCompare();
    const control = new AbortController(), answer = { text: '', thought: '', usage: null, message: null, finish: '' };
    const known = new Set(talk.tree.nodes.keys()), fresh = !talk.session, place = talk.at;
    talk.running = control;
    setRunning(true);
    notice('');
    const card = showPending(text, edited);
    try {
        if (fresh) talk.session = await makeSession(text);
        history.replaceState(null, '', '#' + talk.session.id);
        showTitle();
        await stream(makeBody(text, edited), answer, card, control.signal);
        await finish(answer, known, text, true);
    } catch (e) {
        await recover(e, { answer, known, text, edited, place, signal: control.signal });
    } finally {
        talk.running = null;
        setRunning(false);
        listSessions();
    }
}

async function stream(body, answer, card, signal) {
    const before = lengthOf(talk.tree, body.edit ? talk.tree.nodes.get(body.edit).parent : talk.at);
    const measure = measureAnswer(before), draw = drawerOf(answer, card);
    try {
        const response = await request('POST', '/v1/chat/completions', body, signal);
        for await (const e of readEvents(response)) {
            const choice = e.choices[0], delta = choice ? choice.delta : {};
            answer.text += delta.content || '';
            answer.thought += delta.reasoning_content || '';
            answer.finish = (choice && choice.finish_reason) || answer.finish;
            answer.usage = e.usage || answer.usage;
            answer.message = e.message || answer.message;
            if (delta.content || delta.reasoning_content) measure.count(), draw();
        }
    } finally {
        measure.end(answer.usage);
    }
}

/* Show the answer once a frame, not once a token. */
function drawerOf(answer, card) {
    let due = false;
    return () => {
        if (due) return;
        due = true;
        requestAnimationFrame(() => {
            due = false;
            if (answer.thought && !card.querySelector('.thought')) card.prepend(makeThought('', true));
            if (answer.thought) {
                const thought = card.querySelector('.thought');
                showMarkdown(thought.lastChild, answer.thought);
                if (answer.text && thought.open && !thought.dataset.closed) {
                    thought.open = false;
                    thought.dataset.closed = '1';
                    thought.firstChild.textContent = say('thinking');
                }
            }
            const text = card.querySelector('.text');
            if (answer.text && text.querySelector('.waiting')) text.replaceChildren();
            if (answer.text) showMarkdown(text, answer.text);
            else if (answer.thought) text.replaceChildren();
            scrollDown(false);
        });
    };
}

/* The answer is kept: show it as the server has it. Without its id (the stream was stopped) it is the new message. */
async function finish(answer, known, text, complete) {
    const session = await refresh();
    const kept = session.messages.filter(m => !known.has(m.id) && endsTurn(m)).pop();
    const id = complete ? answer.message : kept && kept.id;
    if (!id) return false;
    if (answer.thought) thoughts.set(id, answer.thought);
    talk.at = talk.tip = id;
    showTalk();
    endMeter(lengthOf(talk.tree, id));
    scrollDown(false);
    if (answer.finish === 'length' && complete) notice(say('atLimit'));
    find('spoken').textContent = say('answered', { text: answer.text });
    return true;
}

/* A stopped answer is kept by the server as far as it was written, which takes it some moments. */
async function findStopped(answer, known, text) {
    for (let i = 0; i < 15; i++) {
        if (await finish(answer, known, text, false)) return true;
        await new Promise(resolve => setTimeout(resolve, 100));
    }
    return false;
}

/* After a stop or a failure: what the server has kept, else the question back in the input. */
async function recover(e, { answer, known, text, edited, place, signal }) {
    const lost = e.status === 0 || e.code === 'shutting_down';
    const stopped = new Promise(resolve => signal.addEventListener('abort', resolve));
    if (lost) await Promise.race([waitForServer(), stopped]);
    let kept = false;
    if (talk.session && ((lost && !signal.aborted) || isStopped(e) || e.code === 'head_moved'))
        kept = await findStopped(answer, known, text).catch(() => false);
    if (kept) return;
    if (!edited && !find('text').value) setQuestion(text);
    talk.at = place;
    if (talk.session && !known.size && !talk.tree.nodes.size) talk.tip = null;
    showTalk();
    if (lost && signal.aborted) return; /* the notice is that of the server that is gone */
    notice(lost ? say('lost') : isStopped(e) ? say('notKept') : e.message);
}

function setQuestion(text) {
    const area = find('text');
    area.value = text;
    keepDraft();
    fitHeight(area);
}

/* The unsent text survives a reload. */
const keepDraft = () => sessionStorage.setItem('wkv-draft', find('text').value);

function setRunning(on) {
    find('send').hidden = on;
    find('stop').hidden = !on;
    find('talk').setAttribute('aria-busy', on);
    for (const id of ['slider', 'other', 'model']) find(id).disabled = on;
}
