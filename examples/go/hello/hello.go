// hello - a plugin in Go: try /go?name=you and /go/slow
//
// Go's runtime cannot live on the small stacks that gale gives to requests, so hello.c says
// GALE_BLOCKING: gale serves it in processes of its own, one request at a time in each, on their main
// stack. What Go code waits for simply takes its time; goroutines go on meanwhile.
package main

// #cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// #include <stdlib.h>
// #include <gale/gale.h>
import "C"

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"
)

var served, ticks int64

// A goroutine of its own, for as long as the process lives.
//
//export hello_open
func hello_open(app *C.struct_gale_app, state *unsafe.Pointer) C.int {
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			atomic.AddInt64(&ticks, 1)
		}
	}()
	return 0
}

func text(view C.struct_gale_str) string {
	return C.GoStringN(view.at, C.int(view.len))
}

func query(req *C.struct_gale_request, name, fallback string) string {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	if value := C.gale_request_query(req, key, nil); value != nil {
		return C.GoString(value)
	}
	return fallback
}

func reply(res *C.struct_gale_response, status int, mediaType, body string) C.int {
	kind, bytes := C.CString(mediaType), C.CString(body)
	defer C.free(unsafe.Pointer(kind))
	defer C.free(unsafe.Pointer(bytes))
	return C.gale_reply_str(res, C.int(status), kind,
		C.struct_gale_str{at: bytes, len: C.size_t(len(body))})
}

//export hello_serve
func hello_serve(state unsafe.Pointer, req *C.struct_gale_request, res *C.struct_gale_response) (verdict C.int) {
	defer func() { // no panic may leave Go
		if err := recover(); err != nil {
			fmt.Fprintln(os.Stderr, "panic:", err)
			verdict = 500
		}
	}()
	switch text(C.gale_request_below(req)) {
	case "", "/":
		name := query(req, "name", "world")
		return reply(res, 200, "text/plain; charset=utf-8", "hello, "+name+", from Go\n")
	case "/slow": // holds up nobody but its own process
		time.Sleep(300 * time.Millisecond)
		n := atomic.AddInt64(&served, 1)
		return reply(res, 200, "text/plain", fmt.Sprintf("slept %d times, %t\n", n,
			atomic.LoadInt64(&ticks) > 0))
	case "/wait": // gale's own waiting calls work, too
		return C.gale_sleep(50)
	case "/panic":
		panic("as asked")
	}
	return C.GALE_DECLINE
}

func main() {} // never called
