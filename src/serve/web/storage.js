'use strict';
/* storage.js - texts that the browser keeps: settings for good, the unsent text and the key until the tab closes. A
 * browser may refuse to keep anything (a privacy setting), or a text of many MB; the page works without. */

const stores = { always: () => localStorage, tab: () => sessionStorage };

/* '' where nothing is kept. */
function recall(store, name) {
    try {
        return stores[store]().getItem('wkv-' + name) || '';
    } catch {
        return '';
    }
}

function keep(store, name, text) {
    try {
        stores[store]().setItem('wkv-' + name, text);
    } catch {
        return; /* it is lost with the page */
    }
}
