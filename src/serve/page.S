/* page.S - the web page as one read-only text, in the order of the files of src/serve/web; page.c needs to know where
 * its style sheet and its script are. The build names their folder to the assembler. */
#include "base/platform/data.inc"

        read_only
        symbol  page_text
        .incbin "head.html"
        .ascii  "<style>"
        symbol  page_style
        .incbin "page.css"
        symbol  page_style_end
        .ascii  "</style>\n</head>\n"
        .incbin "body.html"
        .ascii  "<script>"
        symbol  page_script
        .incbin "storage.js"
        .incbin "words.js"
        .incbin "transport.js"
        .incbin "api.js"
        .incbin "markdown.js"
        .incbin "tree.js"
        .incbin "meter.js"
        .incbin "message.js"
        .incbin "chat.js"
        .incbin "ask.js"
        .incbin "panels.js"
        .incbin "settings.js"
        .incbin "page.js"
        symbol  page_script_end
        .ascii  "</script>\n</body>\n</html>\n"
        symbol  page_text_end
