/* transport.js - a request to the server as a promise of its response. The path is relative to the page, which a proxy
 * may have in a folder. */

const transport = (path, options) => fetch('.' + path, options);
