/* page.h - headers of the web page. */
#ifndef WKV_SERVE_PAGE_H
#define WKV_SERVE_PAGE_H

#include "http.h"

struct MHD_Response;

/* The security headers of a response that is the page; nothing for others. */
void page_add_headers(const exchange *x, struct MHD_Response *r);

#endif
