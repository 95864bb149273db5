/* words.js - the texts of the page in English and Chinese, and numbers as each language writes them. */

const words = {
    skip: ['Skip to the question', '跳到输入框'],
    conversations: ['Conversations', '对话'],
    conversation: ['Conversation', '对话内容'],
    new: ['New conversation', '新对话'],
    noSessions: ['Conversations are kept on the server and appear here.', '对话保存在服务器上，会列在这里。'],
    untitled: ['New conversation', '新对话'],
    turns: ['{n, turn, turns}', '{n} 轮'],
    model: ['Model', '模型'],
    tree: ['Conversation tree', '对话树'],
    settings: ['Settings', '设置'],
    shortcuts: ['Keyboard shortcuts', '键盘快捷键'],
    side: ['Tree and settings', '对话树与设置'],
    close: ['Close', '关闭'],
    meter: ['State, speed and memory', '状态、速度与内存'],
    state: ['State', '状态'],
    stateNote: ['constant; {n, token, tokens} read', '大小不变；已读 {n} 个 token'],
    stateEmpty: ['constant at any length', '大小不随长度变化'],
    perToken: ['Time per token', '每个 token 用时'],
    timeNote: ['{n} tokens/s', '每秒 {n} 个 token'],
    timeEmpty: ['the same for each token', '每个 token 都一样'],
    memory: ['Server memory', '服务器内存'],
    memoryNote: ['+{more}, caches included', '增加 {more}（含缓存）'],
    memorySame: ['flat since the page opened', '打开本页以来没有增加'],
    welcome: ['Ask anything', '想聊点什么？'],
    welcomeText: [
        'The model runs on your server. Everything that it remembers of a conversation is a state of constant size, '
            + 'so each token takes the same time, however long you talk.',
        '模型在你自己的服务器上运行。它对一场对话的全部记忆是一个大小不变的状态，'
            + '所以聊得再久，每个 token 用时都一样。',
    ],
    ideas: [
        'Who are you?|Tell me a story about a fox.|My name is Tom.',
        '你会做什么？|给我讲一个故事。|我叫小明。',
    ],
    newest: ['Go to the newest message', '回到最新消息'],
    question: ['Question', '问题'],
    ask: ['Ask a question', '输入问题'],
    send: ['Send', '发送'],
    stop: ['Stop', '停止'],
    hint: ['Enter sends, Shift+Enter begins a line, Esc stops.', 'Enter 发送，Shift+Enter 换行，Esc 停止。'],
    you: ['You', '你'],
    systemText: ['System text', '系统提示'],
    mixed: ['The mean of several states', '多个状态的平均'],
    thinking: ['Reasoning', '思考过程'],
    thinkingNow: ['Reasoning …', '正在思考…'],
    waiting: ['Reading …', '正在读入…'],
    copy: ['Copy', '复制'],
    copied: ['Copied', '已复制'],
    edit: ['Edit the question', '修改问题'],
    editHint: ['Send as a branch', '作为新分支发送'],
    cancel: ['Cancel', '取消'],
    again: ['Answer again', '重新回答'],
    here: ['Continue from here', '从这里继续'],
    before: ['Previous version', '上一个版本'],
    after: ['Next version', '下一个版本'],
    version: ['{i} of {n}', '第 {i} 个，共 {n} 个'],
    image: ['image: {text}', '图片：{text}'],
    atLimit: ['The answer reached its maximum number of tokens.', '回答达到了 token 数上限。'],
    branchHere: [
        'The next question starts a branch here. Later messages are kept.',
        '下一个问题会在这里开出新分支，后面的消息都会保留。',
    ],
    treeText: [
        'Each answer has its state. Go back to any of them and continue; nothing is read again, and nothing is lost.',
        '每个回答都存有状态。可以回到任意一处继续，不必重读，也不会丢失内容。',
    ],
    back: ['Back in time', '回到过去'],
    place: ['turn {i} of {n}', '第 {i} 轮，共 {n} 轮'],
    start: ['the beginning', '开头'],
    compareWith: ['Compare with another branch', '与另一分支比较'],
    nothingChosen: ['Choose a branch', '选择分支'],
    compare: ['Two branches', '两个分支'],
    compareSame: ['{n, turn is, turns are} the same at the beginning.', '前 {n} 轮相同。'],
    compareNone: ['The branches have no turn in common.', '两个分支没有相同的轮次。'],
    shown: ['This branch', '当前分支'],
    other: ['Other branch', '另一分支'],
    mix: ['Continue from the mean of both states', '从两个状态的平均继续'],
    goThere: ['Continue this branch', '继续这个分支'],
    exportJson: ['Export JSON', '导出 JSON'],
    exportText: ['Export Markdown', '导出 Markdown'],
    remove: ['Delete', '删除'],
    removeTitle: ['Delete the conversation?', '删除这个对话？'],
    removeText: [
        '"{name}" has {n, message, messages}. All branches and states are deleted.',
        '“{name}”共有 {n} 条消息。所有分支和状态都会删除。',
    ],
    keep: ['Keep', '保留'],
    system: ['System text', '系统提示'],
    systemHint: ['Read once, at the beginning of a conversation', '对话开始时读入一次'],
    effort: ['Reasoning', '思考'],
    effortNone: ['off', '关闭'],
    effortLow: ['short', '简短'],
    effortMedium: ['medium', '中等'],
    effortHigh: ['long', '深入'],
    sampler: ['Sampling', '采样'],
    samplerText: ['Grey values are the defaults of the model.', '灰色数值是模型的默认值。'],
    temperature: ['Temperature', '温度'],
    top_p: ['Top-p', 'Top-p'],
    top_k: ['Top-k', 'Top-k'],
    min_p: ['Min-p', 'Min-p'],
    presence_penalty: ['Presence penalty', '存在惩罚'],
    frequency_penalty: ['Frequency penalty', '频率惩罚'],
    penalty_decay: ['Penalty decay', '惩罚衰减'],
    max_tokens: ['Token limit', 'token 上限'],
    seed: ['Seed', '随机种子'],
    random: ['random', '随机'],
    most: ['server limit', '服务器上限'],
    defaults: ['Reset to the defaults', '恢复默认值'],
    language: ['Language', '语言'],
    theme: ['Colours', '配色'],
    themeSystem: ['as the system', '跟随系统'],
    themeLight: ['light', '浅色'],
    themeDark: ['dark', '深色'],
    key: ['API key', 'API 密钥'],
    keyHint: ['kept until the tab closes', '关闭标签页后清除'],
    keyTitle: ['This server needs a key', '此服务器需要密钥'],
    keyText: [
        'The person who runs the server has it. It is kept until this tab closes.',
        '请向服务器的管理者索取。关闭标签页后密钥即被清除。',
    ],
    keyWrong: ['The key is wrong.', '密钥不正确。'],
    continue: ['Continue', '继续'],
    about: [
        '{id}: RWKV-{version}, {parameters} M parameters, template {template}',
        '{id}：RWKV-{version}，{parameters} M 参数，模板 {template}',
    ],
    gone: ['The server does not answer. The next attempt is in {n} s.', '服务器没有响应，{n} 秒后重试。'],
    loading: ['The server is loading the model.', '服务器正在加载模型。'],
    answers: ['The server answers again.', '服务器已恢复。'],
    retry: ['Try now', '立即重试'],
    lost: [
        'The answer was interrupted and not saved. The question is in the input again.',
        '回答中断，没有保存；问题已放回输入框。',
    ],
    deleted: [
        'This conversation was deleted elsewhere. The next question begins a new one.',
        '此对话已在别处删除；下一个问题会开始新的对话。',
    ],
    notKept: ['The stopped answer was not saved.', '停止的回答没有保存。'],
    unkept: [
        'This server keeps no conversations: this one ends with the page.',
        '此服务器不保存对话，关闭页面后对话即消失。',
    ],
    otherModel: [
        'This conversation was held with {model}, which this server does not have.',
        '这个对话使用的模型是 {model}，此服务器没有它。',
    ],
    answered: ['Answer: {text}', '回答：{text}'],
    keySend: ['Send the question', '发送问题'],
    keyLine: ['Begin a line', '换行'],
    keyStop: ['Stop the answer; close a panel', '停止回答；关闭面板'],
    keyInput: ['Go to the input', '跳到输入框'],
    keyEdit: ['Edit the last question, in an empty input', '输入框为空时修改上一个问题'],
    keyNew: ['New conversation', '新对话'],
    keyTree: ['Conversation tree', '对话树'],
    keySettings: ['Settings', '设置'],
    keyHelp: ['This list', '显示本列表'],
};

let language = recall('always', 'language') || (navigator.language.startsWith('zh') ? 'zh' : 'en');

/* A text with its values: {name}, or a number with singular and plural, {n, turn, turns}. */
function say(name, values = {}) {
    const text = words[name][language === 'zh' ? 1 : 0];
    return text.replace(/\{(\w+)(?:, ([^,}]+), ([^}]+))?\}/g, (all, key, one, many) => {
        const value = values[key];
        const number = typeof value === 'number' ? value.toLocaleString(language) : value;
        return one ? number + ' ' + (value === 1 ? one : many) : number;
    });
}

/* Bytes with three digits: 137 kB, 4.19 MB. */
function sayBytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; n >= 1000 && i + 1 < units.length; i++) n /= 1000;
    return n.toLocaleString(language, { maximumSignificantDigits: 3 }) + ' ' + units[i];
}

const sayNumber = (n, digits = 3) => n.toLocaleString(language, { maximumSignificantDigits: digits });

/* The time of a day, or the date of another day. */
function sayTime(seconds) {
    const at = new Date(seconds * 1000), today = at.toDateString() === new Date().toDateString();
    return today ? at.toLocaleTimeString(language, { hour: 'numeric', minute: '2-digit' })
                 : at.toLocaleDateString(language, { day: 'numeric', month: 'short', year: 'numeric' });
}

/* Write the texts of the markup: content, label with tooltip, placeholder. */
function writeWords() {
    document.documentElement.lang = language;
    for (const e of document.querySelectorAll('[data-say]')) e.textContent = say(e.dataset.say);
    for (const e of document.querySelectorAll('[data-hint]')) e.placeholder = say(e.dataset.hint);
    for (const e of document.querySelectorAll('[data-label]')) {
        e.setAttribute('aria-label', say(e.dataset.label));
        if (e.tagName === 'BUTTON') e.title = say(e.dataset.label);
    }
}
