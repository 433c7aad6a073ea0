package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// serveProxy is the yardstick: the standard library's proxy, without any of
// what a gateway is for, but with the two settings without which it would be
// measured at its worst.
func serveProxy(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("revproxy: want an address and the upstream's")
	}
	upstream := &url.URL{Scheme: "http", Host: args[1]}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		// Two idle connections a host, the default, would mean a new connection
		// for most calls.
		Transport: &http.Transport{MaxIdleConnsPerHost: 256},
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Without full duplex it loses some large answers.
		_ = http.NewResponseController(w).EnableFullDuplex()
		proxy.ServeHTTP(w, r)
	})
	return serveChild(ctx, args[0], &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second})
}
