package gather_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/gather"
)

// site is a host with pages, on this machine.
type site struct {
	*httptest.Server
	asked atomic.Int64
}

func serve(t *testing.T, pages map[string]http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if h := pages[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// host is the site's own, with its port.
func (s *site) host() string { return strings.TrimPrefix(s.URL, "https://") }

// web trusts the certificates of sites, and knows the hosts that are named.
func web(t *testing.T, s *site, named ...string) *gather.Web {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	w, err := gather.NewWeb(gather.WebConfig{Named: named, Roots: roots, Pause: time.Microsecond, Resolve: func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestPOL36_OnlyPublicHostsAreFetchedFrom(t *testing.T) {
	s := serve(t, map[string]http.HandlerFunc{"/a": says("A")})
	w := web(t, s)
	for _, raw := range []string{
		s.URL + "/a", "https://127.0.0.1/a", "http://example.com/", "https://169.254.169.254/latest/meta-data", "https://[::1]/", "https://10.0.0.1/", "https://localhost/",
		"https://rebinding.example.com/", "file:///etc/passwd", "https://user:pw@example.com/", "https://example.com:8443/", "https://0x7f.1/",
	} {
		if c, err := w.Fetch(t.Context(), raw, 100); err == nil {
			t.Errorf("%s is fetched: %q", raw, c.Bytes)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the host was asked %d times", n)
	}
	if c, err := web(t, s, s.host()).Fetch(t.Context(), s.URL+"/a", 100); err != nil || string(c.Bytes) != "A" {
		t.Errorf("a host that is named: %q, %v", c.Bytes, err)
	}
}

func TestPOL39_RedirectsAreJudgedAnew(t *testing.T) {
	inner := serve(t, map[string]http.HandlerFunc{"/secret": says("secret")})
	s := serve(t, map[string]http.HandlerFunc{
		"/in":   http.RedirectHandler(inner.URL+"/secret", http.StatusFound).ServeHTTP,
		"/down": http.RedirectHandler("http://example.com/", http.StatusFound).ServeHTTP,
		"/loop": http.RedirectHandler("/loop", http.StatusFound).ServeHTTP,
		"/ok":   http.RedirectHandler("/a", http.StatusMovedPermanently).ServeHTTP,
		"/a":    says("A"),
	})
	w := web(t, s, s.host(), inner.host()) // that the host may be fetched from is not enough
	for _, path := range []string{"/in", "/down", "/loop"} {
		if c, err := w.Fetch(t.Context(), s.URL+path, 100); err == nil || (path == "/in") != errors.Is(err, gather.ErrElsewhere) {
			t.Errorf("%s is followed: %q, %v", path, c.Bytes, err)
		}
	}
	if got, err := walk(t, gather.NewSitemap(w, s.URL+"/in", prefix)); !errors.Is(err, gather.ErrElsewhere) {
		t.Errorf("a sitemap of another host: %v, %v", got.uris(), err)
	}
	robots := serve(t, map[string]http.HandlerFunc{"/robots.txt": http.RedirectHandler(inner.URL+"/secret", http.StatusFound).ServeHTTP, "/a": says("A")})
	if c, err := web(t, robots, robots.host(), inner.host()).Fetch(t.Context(), robots.URL+"/a", 100); err == nil {
		t.Errorf("robots.txt of a host inside is asked for another's: %q", c.Bytes)
	}
	if inner.asked.Load() != 0 {
		t.Error("the host that a redirect leads to was asked")
	}
	if c, err := w.Fetch(t.Context(), s.URL+"/ok", 100); err != nil || string(c.Bytes) != "A" {
		t.Errorf("a redirect on the same host: %q, %v", c.Bytes, err)
	}
}

// TestPathsAreReadInOneWay has paths that hosts take for those of other directories than
// access rules would.
func TestPathsAreReadInOneWay(t *testing.T) {
	s := serve(t, map[string]http.HandlerFunc{
		"/led":        http.RedirectHandler("/internal/a", http.StatusFound).ServeHTTP,
		"/astray":     http.RedirectHandler("/x/../internal/a", http.StatusFound).ServeHTTP,
		"/internal/a": says("A"),
	})
	dir := t.TempDir()
	var list strings.Builder
	bad := []string{"/public/../internal/a", "/%2e%2e/internal/a", "/./internal/a", "/a%2Fb", "/a%2fb", "/a%5Cb", "/internal;x/a", "/internal%3Bx/a", "//internal/a", "/internal//a", "/" + strings.Repeat("é", 800)}
	for _, path := range append([]string{"/led", "/astray", "/a/", "/internal/a?next=/x", "/internal/a?next=%2Fx"}, bad...) {
		list.WriteString(s.URL + path + "\n")
	}
	list.WriteString("https://ABOVE.example:443/a\n") // the port that it has anyway makes no other name of it
	write(t, dir, map[string]string{"list": list.String()})
	got, err := walk(t, gather.NewURLs(web(t, s, s.host()), filepath.Join(dir, "list"), prefix))
	if err != nil {
		t.Fatal(err)
	}
	below := prefix + s.host()
	if diff := cmp.Diff([]string{below + "/a/", below + "/astray", below + "/internal/a%3Fnext=%252Fx", below + "/internal/a%3Fnext=%2Fx", below + "/led", prefix + "above.example/a"}, got.uris()); diff != "" {
		t.Error(diff)
	}
	if len(got.skipped) != len(bad) {
		t.Errorf("skipped %v", got.skipped)
	}
	if c, err := got.found[below+"/led"].Open(t.Context()); err != nil || c.URI != below+"/internal/a" {
		t.Errorf("it leads to %q, %v", c.URI, err)
	}
	if c, err := got.found[below+"/astray"].Open(t.Context()); err == nil && c.URI != below+"/internal/a" {
		t.Errorf("it leads to %q", c.URI)
	}
}

func TestRobotsAreKeptTo(t *testing.T) {
	s := serve(t, map[string]http.HandlerFunc{"/robots.txt": says("User-agent: doorward\nDisallow: /no\n"), "/no/a": says("A"), "/b": says("B")})
	w := web(t, s, s.host())
	if _, err := w.Fetch(t.Context(), s.URL+"/no/a", 100); !errors.Is(err, gather.ErrShut) {
		t.Errorf("what robots.txt keeps back: %v", err)
	}
	if _, err := w.Fetch(t.Context(), s.URL+"/b", 100); err != nil {
		t.Error(err)
	}
	broken := serve(t, map[string]http.HandlerFunc{"/robots.txt": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "/a": says("A")})
	if c, err := web(t, broken, broken.host()).Fetch(t.Context(), broken.URL+"/a", 100); err == nil || errors.Is(err, gather.ErrShut) {
		t.Errorf("without robots.txt: %q, %v", c.Bytes, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	s := serve(t, map[string]http.HandlerFunc{
		"/large": says(strings.Repeat("x", 101)),
		"/zipped": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		},
		"/error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
	})
	w := web(t, s, s.host())
	for path, want := range map[string]error{"/large": gather.ErrLarge, "/gone": gather.ErrGone, "/zipped": nil, "/error": nil} {
		_, err := w.Fetch(t.Context(), s.URL+path, 100)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && (errors.Is(err, gather.ErrGone) || errors.Is(err, gather.ErrLarge)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSitemapsListPagesOfTheirHost(t *testing.T) {
	pages := map[string]http.HandlerFunc{"/docs/a": says("<p>A")}
	s := serve(t, pages)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = fmt.Fprintf(z, "<urlset><url><loc>%s/docs/a</loc><lastmod>2026-01-01</lastmod></url><url><loc><![CDATA[%s/b?x=1&y=%%2F#part]]></loc></url><url><loc>https://example.org/c</loc></url></urlset>", s.URL, s.URL)
	_ = z.Close()
	pages["/index.xml"] = says(`<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>` + s.URL + `/one.xml.gz</loc></sitemap><sitemap><loc>https://example.org/two.xml</loc></sitemap></sitemapindex>`)
	pages["/one.xml.gz"] = says(zipped.String())
	pages["/none.xml"] = says("<html></html>")
	pages["/cut.xml"] = says("<urlset><url><loc>" + s.URL + "/a</loc></url>")
	w := web(t, s, s.host())
	got, err := walk(t, gather.NewSitemap(w, s.URL+"/index.xml", prefix))
	if err != nil {
		t.Fatal(err)
	}
	host := s.host()
	if diff := cmp.Diff([]string{prefix + host + "/b%3Fx=1&y=%252F", prefix + host + "/docs/a"}, got.uris()); diff != "" {
		t.Error(diff)
	}
	if len(got.skipped) != 2 {
		t.Errorf("skipped %v", got.skipped)
	}
	if c, err := got.found[prefix+host+"/docs/a"].Open(t.Context()); err != nil || string(c.Bytes) != "<p>A" || !strings.HasPrefix(c.Type, "text/html") {
		t.Errorf("%q of type %q, %v", c.Bytes, c.Type, err)
	}
	for _, path := range []string{"/none.xml", "/cut.xml", "/gone.xml"} {
		if _, err := walk(t, gather.NewSitemap(w, s.URL+path, prefix)); err == nil {
			t.Errorf("%s is a sitemap", path)
		}
	}
}

func TestLocationsAreBounded(t *testing.T) {
	long := []byte("<urlset><url><loc>https://x.example/" + strings.Repeat("x", 1<<20) + "</loc></url></urlset>")
	size := 0
	pages, _, err := gather.Locations(long, &size)
	if err != nil || len(pages) != 1 || len(pages[0]) != gather.MaxURL+1 || size != gather.MaxURL+1 {
		t.Errorf("%d pages of %d bytes, %v", len(pages), size, err)
	}
	for size, want := range map[int]bool{gather.MaxListed - gather.MaxURL - 1: true, gather.MaxListed - gather.MaxURL: false} {
		if _, _, err := gather.Locations(long, &size); (err == nil) != want {
			t.Errorf("beside others: %v", err)
		}
	}
}

func TestListsOfURLs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"good": "# pages\n\nhttps://example.com/a\nhttps://example.com/a#b\n  https://example.com/\nhttps://10.0.0.1/x\n",
		"bad":  "https://example.com/a\nnotes of mine\n", "none": "# nothing\n", "long": "https://" + strings.Repeat("x", 70_000) + "\n",
	})
	if err := os.WriteFile(filepath.Join(dir, "huge"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "huge"), docs.MaxDocument); err != nil {
		t.Fatal(err)
	}
	w := web(t, serve(t, nil))
	got, err := walk(t, gather.NewURLs(w, filepath.Join(dir, "good"), prefix))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{prefix + "example.com/", prefix + "example.com/a"}, got.uris()); diff != "" {
		t.Error(diff)
	}
	if len(got.skipped) != 1 {
		t.Errorf("skipped %v", got.skipped)
	}
	for _, name := range []string{"bad", "none", "long", "huge", "absent"} {
		if _, err := walk(t, gather.NewURLs(w, filepath.Join(dir, name), prefix)); err == nil {
			t.Errorf("%s is a list of URLs", name)
		}
	}
}

func TestNamedHosts(t *testing.T) {
	for _, name := range []string{"", "a/b", "https://x.example", "user@x.example", "169.254.1.1.:x", "0.0.0.0"} {
		if w, err := gather.NewWeb(gather.WebConfig{Named: []string{name}}); err == nil {
			w.Close()
			t.Errorf("%q is taken", name)
		}
	}
}
