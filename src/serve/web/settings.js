/* settings.js - models, sampling, language, colours. Settings stay in this browser; the key until the tab closes. */

const saved = readSaved();
const save = () => keep('always', 'settings', JSON.stringify(saved));

/* Another program of this address may have written the text. */
function readSaved() {
    try {
        return { ...JSON.parse(recall('always', 'settings') || '{}') };
    } catch {
        return {};
    }
}

/* Fields of a request with their limits and steps; those of the sampler have defaults of the model. */
const fields = [
    ['temperature', 0, 5, 0.05], ['top_p', 0, 1, 0.05], ['top_k', 0, 1000, 1], ['min_p', 0, 1, 0.01],
    ['presence_penalty', -2, 2, 0.05], ['frequency_penalty', -2, 2, 0.05], ['penalty_decay', 0, 1, 0.001],
    ['max_tokens', 1, 1e6, 1], ['seed', 0, 2 ** 31, 1],
];

/* ---- models ------------------------------------------------------------------------------------------------------ */

const noModel = { id: 'wkv', meta: {} }; /* until the server has answered */
const currentModel = () => server.models.find(m => m.id === find('model').value) || server.models[0] || noModel;
const nameOfModel = () => currentModel().id;

async function readModels() {
    server.models = (await get('/v1/models')).data;
    const chosen = find('model').value || saved.model;
    find('model').replaceChildren(...server.models.map(m => new Option(m.id, m.id)));
    if (server.models.some(m => m.id === chosen)) find('model').value = chosen;
    showModel();
}

/* The model of a session: the name of its file, without the extension in /v1/models. */
function chooseModelOf(session) {
    const m = server.models.find(m => session.model === m.id || session.model.startsWith(m.id + '.'));
    if (m) find('model').value = m.id;
    else if (server.models.length > 1) notice(say('otherModel', { model: session.model }));
    showModel();
}

function showModel() {
    const { id, meta } = currentModel();
    meter.state = meta.state_bytes || 0;
    find('effort-choice').hidden = !meta.reasoning_sampler;
    const { version, template } = meta, parameters = version && sayNumber(meta.n_params / 1e6);
    find('about').textContent = version ? say('about', { id, version, parameters, template }) : '';
    showDefaults();
    showMeter();
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

function makeFields() {
    const efforts = ['None', 'Low', 'Medium', 'High'];
    find('effort').replaceChildren(...efforts.map(e => new Option(say('effort' + e), e.toLowerCase())));
    find('effort').value = saved.effort || 'none';
    find('sampler').replaceChildren(...fields.map(([name, min, max, step]) => {
        const input = make('input'), value = saved[name] ?? '';
        Object.assign(input, { type: 'number', id: 'set-' + name, min, max, step, value, inputMode: 'decimal' });
        input.addEventListener('change', () => {
            saved[name] = input.value;
            save();
        });
        return make('label', '', make('span', '', say(name)), input);
    }));
}

function showDefaults() {
    const { meta } = currentModel(), thinks = find('effort').value !== 'none' && meta.reasoning_sampler;
    const defaults = (thinks ? meta.reasoning_sampler : meta.sampler) || {};
    for (const [name] of fields)
        find('set-' + name).placeholder = name === 'seed' ? say('random') : name === 'max_tokens' ? say('most')
                                          : defaults[name] === undefined ? '' : sayNumber(defaults[name], 4);
}

/* The fields that differ from the defaults, for a request. */
function sampling() {
    const chosen = {};
    for (const [name] of fields) {
        const input = find('set-' + name);
        if (input.value !== '' && input.validity.valid) chosen[name] = Number(input.value);
    }
    if (currentModel().meta.reasoning_sampler) chosen.reasoning_effort = find('effort').value;
    return chosen;
}

function resetFields() {
    for (const [name] of fields) {
        find('set-' + name).value = '';
        delete saved[name];
    }
    save();
}

/* ---- language and colours ---------------------------------------------------------------------------------------- */

function setTheme(theme) {
    keep('always', 'theme', theme);
    document.documentElement.style.colorScheme = theme || 'light dark';
    find('theme').value = theme;
}

/* Write all texts of the page anew. */
function setLanguage(to) {
    language = to;
    keep('always', 'language', to);
    showWords();
    if (!talk.running) showTalk();
    listSessions();
}

function showWords() {
    writeWords();
    find('language').value = language;
    makeFields();
    makeIdeas();
    makeKeys();
    showModel();
}

function makeIdeas() {
    find('ideas').replaceChildren(...say('ideas').split('|').map(text => {
        const button = make('button', '', text);
        button.addEventListener('click', () => {
            setQuestion(text);
            find('text').focus();
        });
        return make('li', '', button);
    }));
}
