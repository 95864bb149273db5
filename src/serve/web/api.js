/* api.js - requests to the server: the key, errors as sentences, streams of events. */

const server = { key: recall('tab', 'key'), models: [] };

/* An Error with the status of the response; 0: no response. */
const failure = (status, message, code) => Object.assign(new Error(message), { status, code });

const isStopped = e => e.name === 'AbortError';

async function send(method, path, body, signal) {
    const headers = server.key ? { Authorization: 'Bearer ' + server.key } : {};
    if (body) headers['Content-Type'] = 'application/json';
    const options = { method, headers, signal, body: body && JSON.stringify(body), cache: 'no-store' };
    try {
        return await transport(path, options);
    } catch (e) {
        throw isStopped(e) ? e : failure(0, e.message);
    }
}

/* A response with success. The first 401 asks for a key and repeats the request. */
async function request(method, path, body, signal) {
    const response = await send(method, path, body, signal);
    if (response.ok) return response;
    const error = (await response.json().catch(() => ({}))).error || {};
    if (response.status === 401) {
        await askForKey(server.key ? say('keyWrong') : say('keyText'));
        return request(method, path, body, signal);
    }
    throw failure(response.status, error.message || String(response.status), error.code);
}

const get = async path => (await request('GET', path)).json();
const post = async (path, body) => (await request('POST', path, body)).json();

/* Events of a response as objects. A stream that breaks, or ends without its last event, is a failure of status 0. */
async function* readEvents(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
        const part = await reader.read().catch(e => { throw isStopped(e) ? e : failure(0, e.message); });
        if (part.done) throw failure(0, 'the stream ended early');
        text += part.value;
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) {
            if (event === 'data: [DONE]') return;
            if (!event.startsWith('data: ')) continue; /* a comment, sent while nothing else is */
            const data = JSON.parse(event.slice(6));
            if (data.error) throw failure(500, data.error.message, data.error.code);
            yield data;
        }
    }
}

/* A gauge or counter of /metrics by its name. */
async function readMetric(name) {
    const text = await (await request('GET', '/metrics')).text();
    const found = text.match(new RegExp('^' + name + ' (.*)$', 'm'));
    return found ? Number(found[1]) : 0;
}

/* ---- the key ----------------------------------------------------------------------------------------------------- */

let asking = null; /* one dialog for all requests that wait for the key */

function askForKey(why) {
    asking = asking || new Promise(resolve => {
        const dialog = find('ask-key');
        find('key-text').textContent = why;
        find('given-key').value = '';
        dialog.addEventListener('cancel', e => e.preventDefault());
        dialog.addEventListener('close', () => {
            setKey(find('given-key').value);
            asking = null;
            resolve();
        }, { once: true });
        dialog.showModal();
    });
    return asking;
}

function setKey(key) {
    server.key = key;
    keep('tab', 'key', key);
    find('key').value = key;
}

/* ---- gone and back ----------------------------------------------------------------------------------------------- */

let waiting = null; /* the promise of a server that answers again */
let wake = null;    /* ends the pause before the next attempt */

/* "ok", "loading" or "gone". A model that does not load has its reason in the answers to requests. */
async function readHealth() {
    try {
        const response = await send('GET', '/health'), { error } = await response.json();
        return response.ok || error.code === 'model_not_loaded' ? 'ok' : error.code === 'loading' ? 'loading' : 'gone';
    } catch {
        return 'gone';
    }
}

const pause = milliseconds => new Promise(resolve => {
    wake = resolve;
    setTimeout(resolve, milliseconds);
});

/* Wait until the server answers; pauses grow from 1 to 10 seconds. */
function waitForServer() {
    waiting = waiting || (async () => {
        let told = false;
        for (let seconds = 1;; seconds = Math.min(seconds * 2, 10)) {
            const state = await readHealth();
            if (state === 'ok') break;
            told = true;
            notice(state === 'gone' ? say('gone', { n: seconds }) : say('loading'), say('retry'), () => wake());
            await pause(state === 'gone' ? seconds * 1000 : 500);
        }
        waiting = null;
        notice(told ? say('answers') : '');
    })();
    return waiting;
}
