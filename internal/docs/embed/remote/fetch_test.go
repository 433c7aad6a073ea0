package remote_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/docs/embed/remote"
)

const weights = "the weights of a model"

// hub is a server of files, some of which are elsewhere.
func hub(t *testing.T) (remote.Place, *int) {
	asked := new(int)
	mux := http.NewServeMux()
	mux.HandleFunc("/model.onnx", func(w http.ResponseWriter, r *http.Request) {
		*asked++
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("it is asked with %v", r.Header)
		}
		_, _ = io.WriteString(w, weights)
	})
	mux.Handle("/resolve/model.onnx", http.RedirectHandler("/model.onnx?signed=1", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.Handle("/clear", http.RedirectHandler("http://127.0.0.1:1/model.onnx", http.StatusFound))
	mux.Handle("/inward", http.RedirectHandler("https://192.168.0.1/model.onnx", http.StatusFound))
	mux.HandleFunc("/encoded", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, weights)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat(weights, 1000)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, weights)
	})
	srv := httptest.NewUnstartedServer(mux)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return remote.Place{URL: srv.URL, Roots: roots, Dial: only(srv.Listener.Addr().String()), Key: secret("k")}, asked
}

// only connects to one address, as whoever judges each.
func only(to string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != to {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("elsewhere")}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

func TestFetch(t *testing.T) {
	at, asked := hub(t)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(weights)))
	dir := t.TempDir()
	for i, path := range []string{"/model.onnx", "/resolve/model.onnx"} {
		f := remote.File{Place: at, Digest: "sha256:" + strings.ToUpper(sum), Path: filepath.Join(dir, fmt.Sprint(i)), Most: 1 << 20}
		f.URL += path
		for _, first := range []bool{true, false} {
			fetched, err := remote.Fetch(t.Context(), f)
			got, _ := os.ReadFile(f.Path)
			if err != nil || fetched != first || string(got) != weights || *asked != i+1 {
				t.Errorf("%s: fetched %v, %v; asked %d times; there is %q", path, fetched, err, *asked, got)
			}
		}
	}
}

// What is not the file leaves nothing behind, and what stood there stays.
func TestFetchRefuses(t *testing.T) {
	at, _ := hub(t)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(weights)))
	for _, tc := range []struct {
		path, want string
		change     func(f *remote.File)
	}{
		{path: "/model.onnx", want: "it has the digest " + sum, change: func(f *remote.File) { f.Digest = strings.Repeat("0", 64) }},
		{path: "/model.onnx", want: "by its digest", change: func(f *remote.File) { f.Digest = "" }},
		{path: "/model.onnx", want: "larger than 3 bytes", change: func(f *remote.File) { f.Most = 3 }},
		{path: "/model.onnx", want: "not one to trust", change: func(f *remote.File) { f.Roots = x509.NewCertPool() }},
		{path: "/model.onnx", want: "must be https", change: func(f *remote.File) { f.URL = "http://files.example/model.onnx" }},
		{path: "/model.onnx", want: "no such file", change: func(f *remote.File) { f.Path += "/none/model.onnx" }},
		{path: "/endless", want: "larger than"},
		{path: "/encoded", want: "comes encoded"},
		{path: "/cut", want: "without a whole answer"},
		{path: "/none", want: "answered 404"},
		{path: "/round", want: "sends elsewhere too often"},
		{path: "/clear", want: "not https"},
		{path: "/inward", want: "no connection to the server of the file: dial tcp: elsewhere"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			dir := t.TempDir()
			f := remote.File{Place: at, Digest: sum, Path: filepath.Join(dir, "model.onnx"), Most: 1 << 20}
			f.URL += tc.path
			if tc.change != nil {
				tc.change(&f)
			}
			fetched, err := remote.Fetch(t.Context(), f)
			if err == nil || fetched || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("fetched %v, %v", fetched, err)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("there is %v", left)
			}
		})
	}
	plain := httptest.NewServer(http.RedirectHandler(at.URL+"/model.onnx", http.StatusFound))
	t.Cleanup(plain.Close)
	led := remote.File{Place: at, Digest: sum, Path: filepath.Join(t.TempDir(), "model.onnx"), Most: 1 << 20}
	led.URL, led.Dial = plain.URL, new(net.Dialer).DialContext
	if fetched, err := remote.Fetch(t.Context(), led); err == nil || fetched || !strings.Contains(err.Error(), "not https") {
		t.Errorf("sent elsewhere over http: fetched %v, %v", fetched, err)
	}
	f := remote.File{Place: at, Digest: sum, Path: filepath.Join(t.TempDir(), "model.onnx"), Most: 1 << 20}
	f.URL += "/model.onnx"
	if err := os.WriteFile(f.Path, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := remote.Fetch(t.Context(), f)
	if got, _ := os.ReadFile(f.Path); err == nil || !strings.Contains(err.Error(), "take it away") || string(got) != "another" {
		t.Errorf("another file: %q, %v", got, err)
	}
	f.Path += "2"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := remote.Fetch(ctx, f); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
