#!/bin/sh
# The smallest CGI program: a header, an empty line, a body. Try /tools/hello.sh/any/path?a=b
echo "Content-Type: text/plain; charset=utf-8"
echo
echo "hello from a shell script, ${REMOTE_ADDR}"
echo "path below the script: ${PATH_INFO:-none}"
echo "query string:          ${QUERY_STRING:-none}"
