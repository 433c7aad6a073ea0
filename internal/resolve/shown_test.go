package resolve

import (
	"regexp"
	"testing"

	"doorward/internal/mcp"
)

func TestJoinAndSplit(t *testing.T) {
	for _, tc := range []struct {
		upstream, name, flat string
		ok                   bool
	}{
		{"files", "read", "files__read", true},
		{"files", "a__b", "files__a__b", true},
		{"files", "_x", "files___x", true},
		{"a", "_x", "a___x", true},
		{"a_", "x", "a___x", false}, // would be read as a and _x
		{"a__b", "c", "a__b__c", false},
		{"", "x", "__x", false},
		{"a", "", "a__", false},
	} {
		flat, ok := Join(tc.upstream, tc.name)
		if flat != tc.flat || ok != tc.ok {
			t.Errorf("Join(%q, %q) = %q, %v", tc.upstream, tc.name, flat, ok)
		}
		if u, n, _ := Split(flat); ok && (u != tc.upstream || n != tc.name) {
			t.Errorf("Split(%q) = %q, %q", flat, u, n)
		}
	}
}

// FuzzJoin: a flat name that may be shown leads back to what it stands for.
func FuzzJoin(f *testing.F) {
	f.Add("a", "_b__c")
	f.Fuzz(func(t *testing.T, upstream, name string) {
		flat, ok := Join(upstream, name)
		if !ok {
			return
		}
		if u, n, ok := Split(flat); !ok || u != upstream || n != name {
			t.Errorf("%q leads to %q, %q", flat, u, n)
		}
	})
}

// FuzzFlatNames: with upstreams that configuration allows, two flat names that
// are the same, or look it, belong to the same upstream and to names that are
// the same, or look it (security case POL-14).
func FuzzFlatNames(f *testing.F) {
	allowed := regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]|_[a-z0-9-])*$`)
	f.Add("a", "b__c", "a_b", "c")
	f.Add("a", "_b", "a-", "b")
	f.Add("a", "\uff3f\uff3fb", "a", "__b")
	f.Fuzz(func(t *testing.T, oneUpstream, oneName, otherUpstream, otherName string) {
		ups := []string{oneUpstream, otherUpstream}
		if !allowed.MatchString(oneUpstream) || !allowed.MatchString(otherUpstream) || oneName == "" || otherName == "" {
			return
		}
		if !sound(ups) {
			t.Fatalf("%q are not sound", ups)
		}
		one, ok := Join(oneUpstream, oneName)
		other, ok2 := Join(otherUpstream, otherName)
		if !ok || !ok2 {
			t.Fatalf("%q or %q does not lead back", one, other)
		}
		if one == other && (oneUpstream != otherUpstream || oneName != otherName) {
			t.Errorf("%s/%s and %s/%s are both %s", oneUpstream, oneName, otherUpstream, otherName, one)
		}
		if mcp.Fold(one) == mcp.Fold(other) && (oneUpstream != otherUpstream || mcp.Fold(oneName) != mcp.Fold(otherName)) {
			t.Errorf("%q and %q look the same and belong to %v", one, other, ups)
		}
	})
}

func TestHostileTemplates(t *testing.T) {
	var ts templates
	for _, bad := range []string{"{", "{}", "docs://{a", "docs://{a}{b", "{a" + string(rune(0)) + "}", "docs://" + string(make([]byte, 4096))} {
		if ts.fits(bad, "docs://x") {
			t.Errorf("%q fits", bad)
		}
	}
	many := ""
	for range 40 {
		many += "{a}"
	}
	if ts.fits(many, "x") {
		t.Error("a template of 40 variables is matched")
	}
	for _, tc := range []struct {
		template, uri string
		fits          bool
	}{
		{"file:///{name}", "file:///a.txt", true},
		{"file:///{name}", "file:///a/b", false},
		{"file:///{+path}", "file:///a/b", true},
		{"file:///{name}.(txt)", "file:///a.xtxt", false},
		{"docs://{id}{?q,page}", "docs://1?q=2&page=3", true},
		{"docs://static", "docs://static", true},
		{"docs://static", "docs://staticx", false},
	} {
		if got := ts.fits(tc.template, tc.uri); got != tc.fits {
			t.Errorf("%s on %s: %v", tc.template, tc.uri, got)
		}
	}
}
