/* tree.js - a conversation as the server keeps it: a tree of messages, and its picture. A place in the tree is the id
 * of a message; null: before the first one. */

/* The messages of a session by id, each with its children in the order of time. */
function readTree(session) {
    const nodes = new Map(session.messages.map(m => [m.id, { ...m, children: [] }]));
    for (const n of nodes.values()) if (n.parent) nodes.get(n.parent).children.push(n);
    return { nodes, roots: [...nodes.values()].filter(n => !n.parent), head: session.head };
}

const emptyTree = () => ({ nodes: new Map(), roots: [], head: null });

function pathTo(tree, id) {
    const path = [];
    for (let n = tree.nodes.get(id); n; n = tree.nodes.get(n.parent)) path.push(n);
    return path.reverse();
}

/* The newest end of the conversation below a message. */
function endBelow(node) {
    while (node.children.length) node = node.children[node.children.length - 1];
    return node;
}

const siblingsOf = (tree, node) => (node.parent ? tree.nodes.get(node.parent).children : tree.roots);

/* Places where a conversation can continue: after an answer or a mix. A turn is such a message with its question. */
const endsTurn = node => node.role === 'assistant' || node.role === 'mix';

const turnsOf = path => path.filter(endsTurn);

/* Other versions of a message: questions beside a question, by their text; for an answer, the answers to equal
 * questions. Answering again repeats the question on the server, and one is shown. */
function versionsOf(tree, node) {
    const question = node.role === 'user' ? node : tree.nodes.get(node.parent);
    if (!question || question.role !== 'user') return [node];
    const beside = siblingsOf(tree, question).filter(n => n.role === 'user');
    if (node.role === 'assistant')
        return beside.filter(n => n.content === question.content).flatMap(n => n.children.filter(endsTurn));
    const seen = new Map();
    for (const n of beside) if (!seen.has(n.content) || n === node) seen.set(n.content, n);
    return [...seen.values()];
}

/* ---- the picture ------------------------------------------------------------------------------------------------- */

const ROW = 38, LEFT = 14; /* pixels */

/* Turns in depth-first order with a lane each: the first continuation stays in the lane, others open new ones. */
function layTurns(tree) {
    const rows = [];
    let lanes = -1;
    /* what is left to visit, the next one last; a lane of null is a new one */
    const left = tree.roots.map(node => ({ node, parent: null, lane: null })).reverse();
    while (left.length) {
        let { node, parent, lane } = left.pop();
        if (lane === null) lane = ++lanes;
        if (endsTurn(node)) {
            parent = { node, parent, lane, row: rows.length };
            rows.push(parent);
        }
        for (let i = node.children.length - 1; i >= 0; i--)
            left.push({ node: node.children[i], parent, lane: i ? null : lane });
    }
    return { rows, lanes: lanes + 1 };
}

function makeSvg(tag, attributes, ...children) {
    const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    e.append(...children);
    return e;
}

function icon(name) {
    return makeSvg('svg', { 'aria-hidden': 'true' }, makeSvg('use', { href: '#i-' + name }));
}

const questionOf = (tree, node) => {
    const above = tree.nodes.get(node.parent);
    return node.role === 'mix' ? say('mixed') : above && above.role === 'user' ? above.content : node.content;
};

/* A turn's words: a button that goes to it. */
function makeTurn(tree, node, state, isHere, chosen) {
    const question = make('b', '', firstLine(questionOf(tree, node)));
    const button = make('button', state, question, make('span', '', firstLine(node.content || '')));
    if (isHere) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => chosen(node.id));
    return make('li', '', button);
}

/* From a turn down to a later one: a bend into its lane, then straight. */
function makeEdge(state, [x, y], [toX, toY]) {
    const bend = Math.min(ROW, toY - y);
    const d = `M${x} ${y}C${x} ${y + bend * 0.6} ${toX} ${y + bend * 0.4} ${toX} ${y + bend}V${toY}`;
    return makeSvg('path', { class: state, d });
}

/* Draw the tree: a row for each turn with its place as a dot and its words as a button. Done: on the path to `at`;
 * shown: on the path to `tip`. chosen(id): a turn was pressed. */
function drawTree(to, tree, at, tip, chosen) {
    const { rows, lanes } = layTurns(tree);
    const step = Math.min(18, 130 / lanes), width = LEFT * 2 + (lanes - 1) * step;
    const place = t => [LEFT + t.lane * step, ROW * (t.row + 0.5)];
    const shown = new Set(pathTo(tree, tip)), done = new Set(pathTo(tree, at));
    const svg = makeSvg('svg', { width, height: ROW * rows.length, 'aria-hidden': 'true' });
    const list = make('ol', 'turns');
    for (const t of rows) {
        const state = done.has(t.node) ? 'done' : shown.has(t.node) ? 'shown' : 'apart', isHere = t.node.id === at;
        const [cx, cy] = place(t);
        if (t.parent) svg.prepend(makeEdge(state, place(t.parent), [cx, cy]));
        svg.append(makeSvg('circle', { class: isHere ? state + ' here' : state, cx, cy, r: isHere ? 6 : 4.5 }));
        list.append(makeTurn(tree, t.node, state, isHere, chosen));
    }
    to.replaceChildren(make('div', 'graph', svg, list));
}

/* The beginning of a text without the signs of Markdown. */
const firstLine = text => text.trim().split('\n')[0].replace(/^[#>*`\s-]+/, '').slice(0, 120);
