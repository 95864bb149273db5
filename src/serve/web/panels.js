/* panels.js - the list of conversations, the tree with its slider, two branches side by side. */

/* ---- conversations ----------------------------------------------------------------------------------------------- */

const nameOf = session => session.name || session.preview || say('untitled');

function makeEntry(session) {
    const button = make('button', '', make('b', '', nameOf(session)),
                        make('span', 'soft', say('turns', { n: session.turns }) + ' · ' + sayTime(session.changed)));
    button.dataset.id = session.id;
    button.addEventListener('click', () => {
        history.pushState(null, '', '#' + session.id);
        document.body.classList.remove('with-list');
        attempt(() => openSession(session.id));
    });
    return make('li', '', button);
}

async function listSessions() {
    if (talk.unkept) return;
    try {
        const sessions = (await get('/v1/sessions')).data.filter(s => s.messages_count);
        find('sessions').replaceChildren(...sessions.map(makeEntry));
        find('no-sessions').hidden = sessions.length > 0;
        markSession();
    } catch {
        return; /* the request that matters reports a server that is gone */
    }
}

function markSession() {
    for (const b of document.querySelectorAll('#sessions button'))
        if (talk.session && b.dataset.id === talk.session.id) b.setAttribute('aria-current', 'true');
        else b.removeAttribute('aria-current');
}

function askToRemove() {
    const session = talk.session, dialog = find('ask-remove');
    if (!session) return;
    find('remove-text').textContent = say('removeText', { name: nameOf(session), n: talk.tree.nodes.size });
    dialog.returnValue = '';
    dialog.addEventListener('close', () => {
        if (dialog.returnValue === 'remove') attempt(async () => {
            await request('DELETE', '/v1/sessions/' + session.id);
            newTalk();
            listSessions();
        });
    }, { once: true });
    dialog.showModal();
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

function saveFile(text, name, type) {
    const a = make('a');
    a.href = URL.createObjectURL(new Blob([text], { type }));
    a.download = name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
}

const fileName = extension => nameOf(talk.session).replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 40) + extension;

async function exportJson() {
    const text = await (await request('GET', `/v1/sessions/${talk.session.id}/export`)).text();
    saveFile(text, fileName('.json'), 'application/json');
}

/* The shown branch. */
function exportText() {
    const speaker = { user: 'you', system: 'systemText', assistant: 'model', mix: 'mixed' };
    const parts = path().filter(n => n.content).map(n => `**${say(speaker[n.role])}**\n\n${n.content}\n`);
    saveFile(`# ${nameOf(talk.session)}\n\n${parts.join('\n')}`, fileName('.md'), 'text/markdown');
}

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

const endsOf = tree => [...tree.nodes.values()].filter(n => endsTurn(n) && !n.children.length);

function showTree() {
    const turns = turnsOf(path()), i = turns.findIndex(n => n.id === talk.at) + 1, slider = find('slider');
    slider.max = turns.length;
    slider.value = i;
    find('place').textContent = i ? say('place', { i, n: turns.length }) : say('start');
    slider.setAttribute('aria-valuetext', find('place').textContent);
    drawTree(find('picture'), talk.tree, talk.at, talk.tip, goTo);
    showPlace();
    const shown = endBelow(talk.tree.nodes.get(talk.tip) || { children: [] });
    const others = endsOf(talk.tree).filter(n => n !== shown);
    find('compare-choice').hidden = !others.length;
    const label = n => firstLine(questionOf(talk.tree, n)) + ' → ' + firstLine(n.content || '').slice(0, 40);
    find('other').replaceChildren(new Option(say('nothingChosen'), ''), ...others.map(n => new Option(label(n), n.id)));
    for (const id of ['export-json', 'export-text', 'remove']) find(id).disabled = !talk.session;
}

/* Scroll the picture, and only it, to the present turn. */
function showPlace() {
    const picture = find('picture'), here = picture.querySelector('[aria-current]');
    if (!here) return;
    const top = here.getBoundingClientRect().top - picture.getBoundingClientRect().top;
    if (top < 0 || top + ROW > picture.clientHeight) picture.scrollTop += top - picture.clientHeight / 2;
}

function moveSlider() {
    const i = Number(find('slider').value), turns = turnsOf(path());
    goTo(i ? turns[i - 1].id : null);
}

/* ---- two branches ------------------------------------------------------------------------------------------------ */

function openCompare(id) {
    if (!id) {
        closeCompare();
        return;
    }
    const here = path(), there = pathTo(talk.tree, id);
    let same = 0;
    while (same < here.length && same < there.length && here[same] === there[same]) same++;
    const common = turnsOf(here.slice(0, same)).length;
    const column = (title, nodes) => make('section', '', make('h3', '', title),
                                          ...nodes.slice(same).map(n => makeMessage(talk.tree, n, null)));
    const go = make('button', '', say('goThere'));
    go.addEventListener('click', () => show(id));
    const close = makeAction('close', say('close'), closeCompare);
    const mix = make('button', '', say('mix'));
    mix.addEventListener('click', () => attempt(() => mixStates([talk.tip, id])));
    const other = column(say('other'), there);
    other.append(go);
    find('compare').replaceChildren(
        make('header', '', make('h2', '', say('compare')), close,
             make('p', 'soft', common ? say('compareSame', { n: common }) : say('compareNone'))),
        make('div', 'columns', column(say('shown'), here), other), talk.session ? mix : '');
    find('compare').hidden = false;
    find('talk').hidden = true;
    find('scroll').scrollTop = 0;
}

/* A new place whose state is the mean of those after some messages. */
async function mixStates(messages) {
    const session = await post(`/v1/sessions/${talk.session.id}/mix`, { messages });
    await refresh();
    show(session.head);
}

function closeCompare() {
    find('compare').hidden = true;
    find('talk').hidden = false;
    find('other').value = '';
}
