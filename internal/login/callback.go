package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// callback waits on loopback for the browser to bring the authorization
// server's answer. It takes one.
type callback struct {
	redirect string // the URL that it waits at
	state    string // what the answer must repeat
	server   *server

	http  *http.Server
	ended chan struct{} // closed when http has ended
	taken sync.Once
	came  chan arrival // holds the one answer
}

// arrival is what an answer amounts to.
type arrival struct {
	code string
	err  error
}

// maxQuery bounds what the browser brings, in bytes.
const maxQuery = 16 << 10

// listen begins to wait, at a port that is free or at the one that is asked for.
func listen(ctx context.Context, port int, s *server) (*callback, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("waiting for the browser: %w", err)
	}
	c := &callback{
		redirect: "http://" + ln.Addr().String() + "/callback", state: rand.Text(), server: s,
		ended: make(chan struct{}), came: make(chan arrival, 1),
	}
	c.http = &http.Server{
		Handler: c, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 2 * maxQuery, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() { // close waits for it
		defer close(c.ended)
		_ = c.http.Serve(ln) // it ends with close
	}()
	return c, nil
}

// close ends the waiting, and lets a page that is being sent be sent.
func (c *callback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if c.http.Shutdown(ctx) != nil {
		_ = c.http.Close()
	}
	<-c.ended
}

// wait returns the code that the answer brings.
func (c *callback) wait(ctx context.Context) (string, error) {
	select {
	case a := <-c.came:
		return a.code, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// ServeHTTP takes the answer. What does not repeat the state is no answer, and
// ends nothing: any page that the browser shows can send it.
func (c *callback) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	switch {
	case "http://"+r.Host+r.URL.Path != c.redirect:
		page(rw, http.StatusNotFound, "There is nothing here.")
		return
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		page(rw, http.StatusMethodNotAllowed, "There is nothing here.")
		return
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxQuery || subtle.ConstantTimeCompare([]byte(single(q, "state")), []byte(c.state)) != 1 {
		page(rw, http.StatusBadRequest, "This is not the answer that Doorward waits for.")
		return
	}
	first := false
	c.taken.Do(func() { first = true })
	if !first {
		page(rw, http.StatusGone, "Doorward has its answer already.")
		return
	}
	a := c.judge(q)
	if a.err != nil {
		page(rw, http.StatusBadRequest, "Signing in did not work. The terminal says why. You can close this window.")
	} else {
		page(rw, http.StatusOK, "Doorward has what it needs. You can close this window.")
	}
	c.came <- a // it has room for one, and there is only one
}

// judge reads the answer. Who gave it is looked at before anything else that it
// says (RFC 9207, 2.4; MCP 2026-07-28, authorization response validation).
func (c *callback) judge(q url.Values) arrival {
	_, named := q["iss"]
	switch {
	case named && single(q, "iss") != c.server.Issuer:
		return arrival{err: errors.New("the answer comes from another authorization server than the one that was asked (RFC 9207)")}
	case !named && c.server.NamesItself:
		return arrival{err: errors.New("the answer does not say which authorization server it comes from, and this one always does (RFC 9207)")}
	case q.Has("error"):
		return arrival{err: refusal(single(q, "error"), single(q, "error_description"), nil)}
	}
	code := single(q, "code")
	if code == "" || len(code) > maxQuery {
		return arrival{err: errors.New("the authorization server's answer holds no code")}
	}
	return arrival{code: code}
}

// single is a parameter that is there exactly once; empty otherwise (RFC 6749, 3.1).
func single(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

// page writes a page with one sentence, which is one of this file's own.
func page(rw http.ResponseWriter, status int, sentence string) {
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Doorward</title></head><body><p>"+sentence+"</p></body></html>\n")
}
