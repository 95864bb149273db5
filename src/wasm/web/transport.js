/* transport.js - requests of the page as messages to the worker that computes, its answers as responses of fetch. */

function decodeBase64(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
}

const textOf = id => document.getElementById(id).textContent;

const worker = new Worker(URL.createObjectURL(new Blob([textOf('worker-script')], { type: 'text/javascript' })));
worker.postMessage({ module: decodeBase64(textOf('module')) });
worker.postMessage({ files: [], model: '' }); /* the built-in one, until a file is opened */

const stopped = () => new DOMException('the answer was stopped', 'AbortError');

const underWay = new Map(); /* requests by their number: {resolve, reject, stream}; the stream once it has begun */
let requests = 0;

function transport(path, { method, body, signal }) {
    const number = ++requests;
    return new Promise((resolve, reject) => {
        underWay.set(number, { resolve, reject, stream: null });
        worker.postMessage({ number, method, path, body });
        if (signal) signal.addEventListener('abort', () => leave(number), { once: true });
    });
}

function leave(number) {
    const request = underWay.get(number);
    if (!request) return;
    underWay.delete(number);
    worker.postMessage({ leave: number });
    if (request.stream) request.stream.error(stopped());
    else request.reject(stopped());
}

function beginStream(request, { status, type }) {
    const body = new ReadableStream({ start: stream => { request.stream = stream; } });
    request.resolve(new Response(body, { status, headers: { 'Content-Type': type } }));
}

/* A part of a response. */
function takeResponse(part) {
    const request = underWay.get(part.number);
    if (!request) return; /* left */
    if (part.begins) beginStream(request, part);
    else if (part.ends) request.stream.close();
    else if (request.stream) request.stream.enqueue(new TextEncoder().encode(part.text));
    else request.resolve(new Response(part.text, { status: part.status, headers: { 'Content-Type': part.type } }));
    if (part.ends || part.status && !part.begins) underWay.delete(part.number);
}

worker.onmessage = ({ data }) => {
    if (data.number) takeResponse(data);
    else takeOpening(data);
};
worker.onerror = e => notice(say('broken', { reason: e.message }));
