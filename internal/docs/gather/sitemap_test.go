package gather_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs/gather"
)

// index is an index of sitemaps.
func index(urls ...string) http.HandlerFunc {
	return says("<sitemapindex><sitemap><loc>" + strings.Join(urls, "</loc></sitemap><sitemap><loc>") + "</loc></sitemap></sitemapindex>")
}

// TestSitemapsWithinSitemaps: pages of an index within an index are found, once; what lies
// deeper, and what cannot be read, is told of, so that nothing of it is taken out.
func TestSitemapsWithinSitemaps(t *testing.T) {
	pages := map[string]http.HandlerFunc{}
	s := serve(t, pages)
	lists := func(path string) http.HandlerFunc {
		return says("<urlset><url><loc>" + s.URL + path + "</loc></url></urlset>")
	}
	pages["/top.xml"] = index(s.URL+"/one.xml", s.URL+"/nested.xml")
	pages["/one.xml"] = lists("/a")
	pages["/nested.xml"] = index(s.URL+"/two.xml", s.URL+"/top.xml", s.URL+"/one.xml", s.URL+"/nested.xml")
	pages["/two.xml"] = lists("/b")
	pages["/deep.xml"] = index(s.URL+"/one.xml", s.URL+"/outer.xml")
	pages["/outer.xml"] = index(s.URL + "/inner.xml")
	pages["/inner.xml"] = index(s.URL + "/two.xml")
	pages["/broken.xml"] = index(s.URL+"/none.xml", s.URL+"/page.xml", s.URL+"/one.xml")
	pages["/page.xml"] = says("<html></html>")
	for path, want := range map[string]struct {
		found  []string
		unread int
	}{
		"/top.xml":    {[]string{"/a", "/b"}, 0},
		"/deep.xml":   {[]string{"/a"}, 1},
		"/broken.xml": {[]string{"/a"}, 2},
	} {
		got, err := walk(t, gather.NewSitemap(web(t, s, s.host()), s.URL+path, prefix))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		uris := []string{}
		for _, p := range want.found {
			uris = append(uris, prefix+s.host()+p)
		}
		if diff := cmp.Diff(uris, got.uris()); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if len(got.unread) != want.unread {
			t.Errorf("%s: unread %q, want %d", path, got.unread, want.unread)
		}
		for _, below := range got.unread {
			if below != prefix {
				t.Errorf("%s: it keeps what is below %q, and not all of the source", path, below)
			}
		}
	}
}
