/* library.js - the functions of page.h that give responses to the worker's script, for emscripten's linker. */
mergeInto(LibraryManager.library, {
    page_reply: function (number, status, type, text, bytes) {
        Module['reply'](number, status, UTF8ToString(type), UTF8ToString(text, bytes));
    },
    page_begin: function (number, status, type) {
        Module['begin'](number, status, UTF8ToString(type));
    },
    page_send: function (number, text, bytes) {
        Module['send'](number, UTF8ToString(text, bytes));
    },
    page_end: function (number) {
        Module['end'](number);
    },
});
