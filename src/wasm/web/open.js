/* open.js - files that a person opens, by drag and drop or from a list, and what else is different from the page of a
 * server: nothing is kept, because there is no store. */

Object.assign(words, {
    openTitle: ['Model', '模型'],
    openText: [
        'Drop a checkpoint of RWKV-4 to 7 on this page (.gguf, .safetensors, .pth, .st), or choose one. It stays on '
            + 'this machine: the page reads it and sends nothing.',
        '把 RWKV-4 到 7 的模型文件（.gguf、.safetensors、.pth、.st）拖到本页，或者选择文件。'
            + '文件不会离开本机：网页只读取它，不发送任何数据。',
    ],
    chooseFile: ['Choose a file', '选择文件'],
    dropHere: ['Drop the file to open it', '松开即可打开文件'],
    reading: ['Reading {name}', '正在读取 {name}'],
    preparing: ['Preparing {name}', '正在准备 {name}'],
    isOpen: ['{name} is open', '已打开 {name}'],
    builtIn: ['the small built-in model', '内置的小模型'],
    broken: ['The page has failed and must be loaded again: {reason}', '网页出错，需要重新加载：{reason}'],
    loading: ['The page prepares the model.', '网页正在准备模型。'],
    gone: words.loading,
    answers: ['The model is ready.', '模型已就绪。'],
    memory: ['Page memory', '网页内存'],
    most: ['page limit', '网页上限'],
    welcomeText: [
        'The model runs inside this page, on this machine. Everything that it remembers of a conversation is a state of '
            + 'constant size, so each token takes the same time, however long you talk.',
        '模型就在这个网页里、在你的机器上运行。它对一场对话的全部记忆是一个大小不变的状态，'
            + '所以聊得再久，每个 token 用时都一样。',
    ],
});
talk.unkept = true;

const withWord = (e, word) => {
    e.dataset.say = word;
    return e;
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

const opening = { name: say('builtIn') };

/* A line below the button, and the part that is done, 0 to 1; null: no bar. */
function showOpening(text, done) {
    find('opening').textContent = text;
    find('open-progress').hidden = done === null;
    if (done !== null) find('open-progress').value = done;
}

/* The largest file is the model; others may be its vocabulary. */
async function openFiles(files) {
    if (!files.length) return;
    await stopRunning();
    notice('');
    const model = files.reduce((a, b) => (b.size > a.size ? b : a)).name;
    opening.name = model;
    showOpening(say('reading', opening), 0);
    worker.postMessage({ files, model });
}

function openBuiltIn() {
    opening.name = say('builtIn');
    worker.postMessage({ files: [], model: '' });
}

/* Messages of the worker about files. */
function takeOpening({ read, bytes, opened, failed }) {
    if (opened) finishOpening(failed);
    else if (read < bytes) showOpening(say('reading', opening), read / bytes);
    else showOpening(say('preparing', opening), 1);
}

async function finishOpening(failed) {
    showOpening(failed ? '' : say('isOpen', opening), null);
    if (failed) {
        openBuiltIn();
        notice(failed);
        return;
    }
    if (server.models.length) newTalk();
    await readModels();
    await measureMemory();
}

/* ---- drag and drop ----------------------------------------------------------------------------------------------- */

const hasFiles = e => e.dataTransfer && [...e.dataTransfer.types].includes('Files');

function listenToDrops() {
    let inside = 0; /* elements of the page that the pointer has entered and not left */
    const show = change => {
        inside = change ? Math.max(inside + change, 0) : 0;
        find('drop').hidden = !inside;
    };
    addEventListener('dragenter', e => hasFiles(e) && show(1));
    addEventListener('dragleave', e => hasFiles(e) && show(-1));
    addEventListener('dragover', e => hasFiles(e) && e.preventDefault());
    addEventListener('drop', e => {
        if (!hasFiles(e)) return;
        e.preventDefault();
        show(0);
        openFiles([...e.dataTransfer.files]);
    });
}

/* ---- the markup -------------------------------------------------------------------------------------------------- */

function addOpening() {
    const choose = make('input', 'hidden');
    Object.assign(choose, { type: 'file', multiple: true, id: 'choose' });
    choose.addEventListener('change', () => {
        const files = [...choose.files];
        choose.value = ''; /* the same file can be chosen again */
        openFiles(files);
    });
    const label = withWord(make('label', 'button'), 'chooseFile'), progress = make('progress');
    label.htmlFor = choose.id;
    Object.assign(progress, { id: 'open-progress', max: 1, hidden: true });
    const line = make('p', 'soft');
    Object.assign(line, { id: 'opening', role: 'status' });
    find('list').append(make('section', 'open', withWord(make('b'), 'openTitle'), withWord(make('p', 'soft'), 'openText'),
                             choose, label, progress, line));
    const drop = make('div', 'drop', withWord(make('p'), 'dropHere'));
    Object.assign(drop, { id: 'drop', hidden: true });
    document.body.append(drop);
    find('welcome').append(withWord(make('p', 'open-text'), 'openText'));
}

addOpening();
listenToDrops();
showWords();
