/* page.js - start, keys, panels, the line of notices. Nothing is sent before a person sends it: the address of the page
 * chooses the conversation that is shown, and no more. */

const find = id => document.getElementById(id);

function setQuestion(text) {
    const area = find('text');
    area.value = text;
    keepDraft();
    fitHeight(area);
}

/* The unsent text survives a reload. */
const keepDraft = () => keep('tab', 'draft', find('text').value);

/* A line above the input; with an action, a button. '' removes it. */
function notice(text, label, action) {
    const line = find('notice');
    line.replaceChildren(text);
    line.hidden = !text;
    if (action) {
        const button = make('button', '', label);
        button.addEventListener('click', action);
        line.append(' ', button);
    }
}

/* Run an action; a server that is gone is waited for, other failures are shown. */
async function attempt(action) {
    for (;;) {
        try {
            await action();
            return;
        } catch (e) {
            if (e.status !== 0 && e.code !== 'loading') {
                notice(e.message);
                return;
            }
            await waitForServer();
        }
    }
}

const NARROW = 1100; /* pixels: the side panel covers the conversation, as in page.css */

/* ---- panels ------------------------------------------------------------------------------------------------------ */

/* The keyboard's place goes into the panel, and back to the button that opened it. */
function openSide(which) {
    const side = find('side'), same = !side.hidden && !find(which + '-panel').hidden;
    if (same && side.contains(document.activeElement)) find('open-' + which).focus();
    side.hidden = same;
    document.body.classList.toggle('with-side', !same);
    for (const name of ['tree', 'settings']) {
        find(name + '-panel').hidden = name !== which;
        find('open-' + name).setAttribute('aria-expanded', !same && name === which);
    }
    find('side-title').textContent = say(which);
    find('side-title').dataset.say = which;
    if (same) return;
    find(which === 'tree' ? 'slider' : 'close-side').focus();
    if (which === 'tree') showPlace();
}

function closeSide() {
    for (const name of ['tree', 'settings']) if (!find('side').hidden && !find(name + '-panel').hidden) openSide(name);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

const keys = [
    ['Enter', 'keySend'], ['Shift+Enter', 'keyLine'], ['Esc', 'keyStop'], ['/', 'keyInput'], ['↑', 'keyEdit'],
    ['Alt+N', 'keyNew', () => beginTalk()], ['Alt+T', 'keyTree', () => openSide('tree')],
    ['Alt+S', 'keySettings', () => openSide('settings')], ['?', 'keyHelp'],
];

function makeKeys() {
    const row = ([key, text]) => [make('dt', '', make('kbd', '', key)), make('dd', '', say(text))];
    find('keys').replaceChildren(...keys.flatMap(row));
}

function stopOrClose() {
    if (talk.running) talk.running.abort();
    else if (document.body.classList.contains('with-list')) document.body.classList.remove('with-list');
    else if (!find('compare').hidden) closeCompare();
    else closeSide();
}

function editLast() {
    const last = path().filter(n => n.role === 'user').pop();
    const card = last && document.querySelector(`#talk [data-id="${last.id}"]`);
    if (card && !talk.running) acts.edit(last, card);
}

function onKey(e) {
    const typing = e.target.matches('textarea, input, select');
    if (document.querySelector('dialog[open]') || e.ctrlKey || e.metaKey || isComposing(e)) return;
    const known = e.altKey && keys.find(k => k[2] && 'Key' + k[0].slice(4) === e.code);
    if (known) known[2]();
    else if (e.key === 'Escape') stopOrClose();
    else if (!typing && e.key === '/') find('text').focus();
    else if (!typing && e.key === '?') find('help').showModal();
    else return;
    e.preventDefault();
}

function onTextKey(e) {
    if (e.key === 'Enter' && !e.shiftKey && !isComposing(e)) {
        e.preventDefault();
        find('ask').requestSubmit();
    }
    if (e.key === 'ArrowUp' && !find('text').value) {
        e.preventDefault();
        editLast();
    }
}

function submit(e) {
    e.preventDefault();
    const text = find('text').value;
    if (talk.running || !text.trim()) return;
    setQuestion('');
    ask(text);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

function listen() {
    const on = (id, event, action) => find(id).addEventListener(event, action);
    on('ask', 'submit', submit);
    on('text', 'keydown', onTextKey);
    on('text', 'input', () => { keepDraft(); fitHeight(find('text')); });
    on('stop', 'click', stopOrClose);
    on('new', 'click', () => { document.body.classList.remove('with-list'); beginTalk(); });
    on('open-list', 'click', () => document.body.classList.toggle('with-list'));
    document.querySelector('main').addEventListener('pointerdown', e => {
        if (!find('open-list').contains(e.target)) document.body.classList.remove('with-list');
        if (innerWidth <= NARROW && !find('top').contains(e.target)) closeSide();
    });
    on('close-list', 'click', () => document.body.classList.remove('with-list'));
    on('open-tree', 'click', () => openSide('tree'));
    on('open-settings', 'click', () => openSide('settings'));
    on('open-help', 'click', () => find('help').showModal());
    on('close-side', 'click', closeSide);
    on('slider', 'input', moveSlider);
    on('other', 'change', () => {
        openCompare(find('other').value);
        if (innerWidth <= NARROW) closeSide();
    });
    on('export-json', 'click', () => attempt(exportJson));
    on('export-text', 'click', exportText);
    on('remove', 'click', askToRemove);
    on('defaults', 'click', resetFields);
    on('effort', 'change', () => { saved.effort = find('effort').value; save(); showDefaults(); });
    on('model', 'change', () => { saved.model = find('model').value; save(); showModel(); });
    on('system', 'change', () => { saved.system = find('system').value; save(); });
    on('language', 'change', () => setLanguage(find('language').value));
    on('theme', 'change', () => setTheme(find('theme').value));
    on('key-form', 'submit', e => e.preventDefault());
    on('key', 'change', () => { setKey(find('key').value); attempt(load); });
    on('down', 'click', () => scrollDown(true));
    on('scroll', 'scroll', () => { talk.follows = isDown(); find('down').hidden = talk.follows; });
    /* a notice, a long question, the keyboard of a phone: the end of the text stays in sight */
    new ResizeObserver(() => scrollDown(false)).observe(find('scroll'));
    addEventListener('keydown', onKey);
    document.addEventListener('visibilitychange', () => document.hidden || talk.running || listSessions());
    addEventListener('popstate', () => attempt(openFromAddress));
}

/* The conversation of the address; another text there is ignored. */
async function openFromAddress() {
    const id = location.hash.slice(1);
    if (!/^ses_[a-z2-7]{26}$/.test(id)) {
        newTalk();
        return;
    }
    try {
        await openSession(id);
    } catch (e) {
        if (e.status !== 404) throw e;
        newTalk();
        notice(e.message);
    }
}

async function load() {
    await readModels();
    if (!currentModel().meta.version) await waitForServer().then(readModels); /* the model is loading */
    await openFromAddress();
    await listSessions();
    await measureMemory();
}

setTheme(recall('always', 'theme'));
showWords();
listen();
find('key').value = server.key;
find('system').value = saved.system || '';
setQuestion(recall('tab', 'draft'));
attempt(load);
