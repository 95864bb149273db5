/* pack.js - one HTML file of the page: node pack.js OUT FOLDER MODULE.js MODULE.wasm.
 *
 * FOLDER is src. The page is that of the server (serve/page.S has the order of its files), with the files of wasm/web
 * of the same name in place of its own, open.js behind the last one, and a second style sheet. The scripts of the
 * worker and the module are blocks of data. */
const { createHash } = require('crypto'), { readFileSync, writeFileSync } = require('fs');
const [out, folder, script, module_] = process.argv.slice(2);

const own = name => `${folder}/wasm/web/${name}`, served = name => `${folder}/serve/web/${name}`;
const read = path => readFileSync(path, 'utf8');
const REPLACED = ['transport.js'];

const order = [...read(`${folder}/serve/page.S`).matchAll(/\.incbin "(\w+\.js)"/g)].map(m => m[1]);
order.push('open.js');
const scripts = order.map(name => read([...REPLACED, 'open.js'].includes(name) ? own(name) : served(name))).join('');
const style = read(served('page.css')) + read(own('page.css'));
const hash = text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const policy = `default-src 'none'; script-src ${hash(scripts)} 'wasm-unsafe-eval'; worker-src blob:; `
    + `style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
const block = (id, type, text) => {
    if (/<\/script|<!--/i.test(text)) throw new Error(`${id} would end its element`);
    return `<script type="${type}" id="${id}">${text}</script>\n`;
};

writeFileSync(out, [
    read(served('head.html')),
    `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`,
    `<style>${style}</style>\n</head>\n`,
    read(served('body.html')),
    block('worker-script', 'text/plain', read(script) + read(own('worker.js'))),
    block('module', 'text/plain', readFileSync(module_).toString('base64')),
    `<script>${scripts}</script>\n</body>\n</html>\n`,
].join(''));
