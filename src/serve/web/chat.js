/* chat.js - the shown conversation and its place in the tree.
 *
 * The page shows the path to `tip`; the conversation continues from `at`, a message on that path. Messages between the
 * two are those that going back has left. A question is always sent with the message that it follows (`parent` and
 * `branch`, or `edit`): whatever other windows do, the answer follows the text on the screen. */

const talk = {
    session: null,
    tree: emptyTree(),
    at: null,
    tip: null,
    running: null,  /* the AbortController of the answer on its way */
    ended: null,    /* the promise of its end */
    unkept: false,  /* the server has no store: the conversation is here alone */
    follows: false, /* the page scrolls with the answer */
};

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
    find('title').textContent = name || say('untitled');
    document.title = name ? name + ' – wkv' : 'wkv';
}

/* Show the path to a message, continuing from it. */
function show(id) {
    if (talk.running) return;
    talk.tip = talk.at = id;
    closeCompare();
    showTalk();
    cutMeter(lengthOf(talk.tree, id));
    setText(stepsTo(talk.tree, id));
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
    setText(stepsTo(talk.tree, id));
    const mark = document.querySelector('#talk .mark');
    if (mark) mark.scrollIntoView({ block: 'center' });
}

/* Tokens of the text after each turn up to a place, and at the place itself. */
function stepsTo(tree, id) {
    const steps = [];
    let tokens = 0;
    for (const n of pathTo(tree, id)) {
        tokens += n.tokens;
        if (endsTurn(n) || n.id === id) steps.push(tokens);
    }
    return steps;
}

const lengthOf = (tree, id) => stepsTo(tree, id).pop() || 0;

/* Stop the answer and wait for what is kept of it. */
async function stopRunning() {
    if (talk.running) talk.running.abort();
    await talk.ended;
}

async function openSession(id) {
    await stopRunning();
    const session = await get('/v1/sessions/' + id);
    if (location.hash !== '#' + id) return; /* another one was chosen meanwhile */
    talk.session = session;
    talk.tree = readTree(session);
    chooseModelOf(session);
    cutMeter(-1);
    show(session.head);
    markSession();
}

/* A new conversation by a person: the browser's way back leads to the one before. */
function beginTalk() {
    if (talk.session) history.pushState(null, '', '#');
    newTalk();
}

function clearTalk() {
    Object.assign(talk, { session: null, tree: emptyTree(), at: null, tip: null });
    history.replaceState(null, '', '#');
    cutMeter(-1);
}

async function newTalk() {
    await stopRunning();
    clearTalk();
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
