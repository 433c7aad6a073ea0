package lexical_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/lexical"
)

var _ docs.Embedder = (*lexical.Embedder)(nil)

func made(t testing.TB, dimensions int) *lexical.Embedder {
	e, err := lexical.New(dimensions)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func vectors(t testing.TB, e docs.Embedder, texts ...string) [][]float32 {
	v, err := docs.Embed(t.Context(), e, docs.Texts{All: texts})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestModel(t *testing.T) {
	for _, tc := range []struct{ dimensions, want int }{{0, 384}, {64, 64}, {8192, 8192}, {63, -1}, {8193, -1}, {-1, -1}} {
		e, err := lexical.New(tc.dimensions)
		if tc.want < 0 {
			if err == nil || !strings.Contains(err.Error(), "64 to 8192") {
				t.Errorf("%d dimensions: %v", tc.dimensions, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := e.Model(), (docs.Model{Kind: "lexical", Name: "lexical-1", Dimensions: tc.want}); got != want {
			t.Errorf("the model is %v, want %v", got, want)
		}
	}
}

// What the words have in common counts, whichever way a programmer writes them.
func TestLikeness(t *testing.T) {
	e := made(t, 384)
	for _, tc := range []struct {
		a, b        string
		least, most float64
	}{
		{"parseHTTPHeader", "parse_http_header", 0.99, 1.01},
		{"parseHTTPHeader", "ParseHTTPHeader", 0.99, 1.01},
		{"parseHTTPHeader", "parse-http-header", 0.99, 1.01},
		{"parseHTTPHeader", "parse http header", 0.4, 0.95},
		{"read-only", "readOnly", 0.99, 1.01},
		{"read-only", "read only", 0.5, 0.95},
		{"the URLs", "URL", 0.5, 1.01},
		{"policies", "policy", 0.5, 0.99},
		{"the user’s key", "the users key", 0.99, 1.01},
		{"Café MÜNCHEN ﬁle", "cafe munchen file", 0.99, 1.01},
		{"internal/docs/embed.go", "docs embed", 0.4, 0.95},
		{"configuration", "configure", 0.2, 0.9},
		{"sha256", "SHA-256", 0.99, 1.01},
		{"数据库连接", "数据库", 0.4, 0.95},
		{"автомобили", "АВТОМОБИЛИ", 0.99, 1.01},
		{"&^=", "&^=", 0.99, 1.01},
		{"", " \n\t", 0.99, 1.01},
		// It does not know what words mean, and says so by its name.
		{"car", "automobile", -0.3, 0.3},
		{"revoke a key", "open the window quickly", -0.3, 0.3},
		{"&&", "||", -0.3, 0.3},
		{"数据库", "连接", -0.3, 0.3},
	} {
		v := vectors(t, e, tc.a, tc.b)
		if got := cosine(v[0], v[1]); got < tc.least || got > tc.most {
			t.Errorf("%q and %q: %.3f, want %.2f to %.2f", tc.a, tc.b, got, tc.least, tc.most)
		}
	}
}

// A question finds its passage among others about near subjects.
func TestFinds(t *testing.T) {
	passages := []string{
		"Rotate keys\nA key is replaced with doorward key rotate. The key before counts for another hour.",
		"Revoke keys\nA key that was revoked is refused at once, and its sessions end with it.",
		"Back up and restore\nCopy the data directory while the gateway is stopped, or a snapshot of its file system.",
		"Run behind nginx\nLet nginx close idle connections before Doorward does, or a call is lost at a restart.",
		"Verify the audit log\ndoorward audit verify reads each record and compares its hash with the one after it.",
		"Limits of memory\nlimits.memory bounds what all clients together have under way.",
		"Serve files\nupstreams.NAME.builtin: files serves the files below a directory.",
		"Approve calls\nA call that a rule holds waits until a person approves it.",
	}
	e := made(t, 384)
	found := vectors(t, e, passages...)
	for question, want := range map[string]int{
		"how do I rotate a key": 0, "revoking of keys": 1, "backup of the data directory": 2, "nginx restart loses calls": 3,
		"audit log verification": 4, "memory limit": 5, "serving a directory of files": 6, "who approves a call?": 7,
	} {
		q, best := vectors(t, e, question)[0], 0
		for i := range found {
			if cosine(q, found[i]) > cosine(q, found[best]) {
				best = i
			}
		}
		if best != want {
			t.Errorf("%q finds %q, want %q", question, passages[best], passages[want])
		}
	}
}

// The numbers are those of lexical-1 for ever: an index that was made with it would be
// searched with others. Whoever changes how they are made gives the model another name.
func TestNumbersStayTheSame(t *testing.T) {
	h := sha256.New()
	for _, v := range vectors(t, made(t, 384),
		"", "&^=", "the", "Read-only files are what O'Brien's parseHTTPHeader2 serves, served and serves again: 数据库 and naïve cafés.",
		strings.Repeat("Doorward keeps documents as passages. ", 200), strings.Repeat("0123456789abcdef", 64), "\xff\xfe broken \x00 text",
	) {
		for _, x := range v {
			h.Write(binary.BigEndian.AppendUint32(nil, math.Float32bits(x)))
		}
	}
	if got, want := hex.EncodeToString(h.Sum(nil)), "6e1d7c71b58583acc085d7e53189ae925f14a46d6a8ac6f1cee291f14104bc5d"; got != want {
		t.Errorf("the vectors of %s have the digest %s, want %s", lexical.Name, got, want)
	}
}

func TestManyAtATime(t *testing.T) {
	e := made(t, 128)
	texts := []string{"one text", "another, longer text of many words " + strings.Repeat("and more words ", 300), "third"}
	want := vectors(t, e, texts...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := e.Embed(t.Context(), docs.Texts{All: texts}); err != nil || !cmp.Equal(got, want) {
				t.Errorf("other vectors: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := made(t, 64).Embed(ctx, docs.Texts{All: []string{"a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("embedding went on: %v", err)
	}
}

// Whatever the text is, its vector has length 1, and is the same the next time.
func FuzzEmbed(f *testing.F) {
	for _, s := range []string{"", "a", "HTTPServer's URLs", "数据库", "a--b__c''d", "\xff", "é́́", strings.Repeat("x", 300), "-_-", "‘’'", "İ", "ﷺ"} {
		f.Add(s)
	}
	e, other := made(f, 64), made(f, 64)
	f.Fuzz(func(t *testing.T, text string) {
		v, w := vectors(t, e, "before", text)[1], vectors(t, other, text)[0]
		square := 0.0
		for i, x := range v {
			square += float64(x) * float64(x)
			if x != w[i] {
				t.Fatalf("%q has two vectors", text)
			}
		}
		if math.Abs(square-1) > 1e-5 {
			t.Fatalf("the vector of %q has length %v", text, math.Sqrt(square))
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	e, text := made(b, 384), docs.Texts{All: []string{strings.Repeat("A call that a rule holds waits until a person approves it; see upstreams.NAME.approve and parseHTTPHeader. ", 12)}}
	b.SetBytes(int64(len(text.All[0])))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Embed(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
