/* worker.js - the thread that computes: it opens files, and answers the requests of the page (transport.js).
 *
 * Messages from the page: {module}, once, its bytes; {files, model}, to open the one of this name, "" for the built-in
 * model; {number, method, path, body}, a request; {leave}, the number of one whose response is not needed any more.
 * Messages to the page: the parts of responses; {read, bytes}, how much of a file was read; {opened, failed}, the name
 * of a model that was opened, or is not, with the reason. */

const FOLDER = '/files', NOT_READ = 29; /* EIO */

let working = false;
const next = new MessageChannel();

/* One step at a time: messages of the page come in between. */
function work(module) {
    if (working) return;
    working = true;
    next.port1.onmessage = () => {
        working = module._wasm_work() > 0;
        if (working) next.port2.postMessage(null);
    };
    next.port2.postMessage(null);
}

/* Call a function with texts in the module's memory. */
function callWith(module, name, texts, ...numbers) {
    const copies = texts.map(module.allocateUTF8);
    try {
        return module[name](...numbers, ...copies);
    } finally {
        copies.forEach(module._free);
    }
}

function ask(module, { number, method, path, body }) {
    callWith(module, '_wasm_request', [method, path, body || ''], number);
    work(module);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* Read from a file on the disk into the module's memory, whose addresses may come as negative numbers. */
function makeReader(module, reader) {
    return (stream, buffer, offset, length, position) => {
        const file = stream.node.contents, end = Math.min(position + length, file.size);
        if (position >= end) return 0;
        try {
            const part = reader.readAsArrayBuffer(file.slice(position, end));
            buffer.set(new Uint8Array(part), offset >>> 0);
        } catch {
            throw new module.FS.ErrnoError(NOT_READ); /* it was changed or removed since */
        }
        postMessage({ read: end, bytes: file.size });
        return end - position;
    };
}

function mount(module, files) {
    const { FS } = module, { WORKERFS } = FS.filesystems;
    FS.chdir('/');
    if (FS.analyzePath(FOLDER).exists) FS.unmount(FOLDER);
    else FS.mkdir(FOLDER);
    FS.mount(WORKERFS, { files }, FOLDER);
    FS.chdir(FOLDER);
    WORKERFS.stream_ops.read = makeReader(module, WORKERFS.reader);
}

function open(module, { files, model }) {
    const name = model ? model.replace(/\.[^.]*$/, '') : 'built-in';
    module._wasm_close();
    mount(module, files);
    const failed = callWith(module, '_wasm_open', [model, name]);
    postMessage({ opened: name, failed: failed ? module.UTF8ToString(failed) : '' });
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

const responses = {
    reply: (number, status, type, text) => postMessage({ number, status, type, text }),
    begin: (number, status, type) => postMessage({ number, status, type, begins: true }),
    send: (number, text) => postMessage({ number, text }),
    end: number => postMessage({ number, ends: true }),
};

let made = null; /* the promise of the module */

onmessage = ({ data }) => {
    if (data.module) made = makeWkv({ wasmBinary: data.module, ...responses });
    made.then(module => {
        if (data.leave) module._wasm_leave(data.leave);
        else if (data.files) open(module, data);
        else if (data.number) ask(module, data);
    });
};
