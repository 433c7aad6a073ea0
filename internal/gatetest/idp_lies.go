package gatetest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// The answers of an identity provider that has been taken over, is broken, or is
// not there: for On.

// Says answers with a text, and status 200 unless there is another.
func Says(kind, text string, status ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		for _, code := range status {
			w.WriteHeader(code)
		}
		_, _ = w.Write([]byte(text)) // whoever asked may be gone
	}
}

// Redirects sends elsewhere.
func Redirects(status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// Swells answers with a document of JSON that has n bytes of padding.
func Swells(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"active":true,"keys":[],"padding":"`)
		piece := []byte(strings.Repeat("0", 64<<10))
		for range n / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
		fmt.Fprint(w, `"}`)
	}
}

// Packs answers with a text in gzip, followed by n zeros: a bomb.
func Packs(text string, n int) http.HandlerFunc {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	for zeros := make([]byte, 1<<20); err == nil && n > 0; n -= len(zeros) {
		_, err = z.Write(zeros)
	}
	if err != nil || z.Close() != nil {
		panic("gatetest: writing to memory failed")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		Says("application/json", b.String())(w, r)
	}
}

// Cuts promises more than it sends.
func Cuts(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)+1))
		Says("application/json", text)(w, r)
		panic(http.ErrAbortHandler)
	}
}

// Resets ends the connection with a reset, before an answer.
func Resets(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
