package secrets

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"strings"

	"doorward/internal/gate"
)

// Bounds of decoding.
const (
	minEncoded  = 20        // bytes of a run: a shorter one holds no credential
	maxEncoded  = 64 << 10  // bytes of a run that are decoded
	maxDecoded  = 256 << 10 // bytes of what one text is decoded to, all layers
	maxLayers   = 2         // encodings one within the other
	minPrintout = 90        // percent of what a credential in clear text has of printable bytes
)

// encoded finds the credentials in what a text's runs of base64, base64url, hex
// and percent decode to, in the text backwards, and in the text without what is
// not seen or only separates.
func encoded(text string, hits []hit) []hit {
	left := maxDecoded
	each(text, depth{layers: maxLayers, left: &left}, func(at gate.Span, method, opened string) {
		if found := plain(opened, nil); len(found) > 0 && len(hits) < maxHits {
			hits = append(hits, hit{rule: found[0].rule, at: at, weak: found[0].weak, method: method})
		}
	})
	return hits
}

// depth bounds decoding.
type depth struct {
	layers   int  // that may still be taken off
	left     *int // bytes that may still be decoded
	backward bool // the text was turned round, which undoes itself
}

// each yields what the runs of a text decode to.
func each(text string, d depth, yield func(at gate.Span, method, opened string)) {
	if d.layers == 0 {
		return
	}
	yieldRun := func(at gate.Span, method string, opened string) {
		if *d.left -= len(opened); *d.left < 0 {
			return
		}
		yield(at, method, opened)
		inner := depth{d.layers - 1, d.left, d.backward || method == reverse}
		each(opened, inner, func(_ gate.Span, inner, opened string) { yield(at, method+" of "+inner, opened) })
	}
	for i := 0; i < len(text); {
		if !isToken[text[i]] {
			i++
			continue
		}
		j := i
		for j < len(text) && isToken[text[j]] {
			j++
		}
		if j-i >= minEncoded && j-i <= maxEncoded {
			for _, one := range decodings(text[i:j]) {
				yieldRun(gate.Span{Start: i, End: j}, one.method, one.opened)
			}
		}
		i = j
	}
	if opened, ok := percent(text); ok {
		yieldRun(gate.Span{End: len(text)}, "percent-encoding", opened)
	}
	if opened, ok := escaped(text); ok {
		yieldRun(gate.Span{End: len(text)}, "escapes", opened)
	}
	if opened, ok := joined(text); ok {
		yieldRun(gate.Span{End: len(text)}, "separated pieces", opened)
	}
	if !d.backward && len(text) >= minEncoded && len(text) <= maxEncoded {
		yieldRun(gate.Span{End: len(text)}, reverse, reversed(text))
	}
}

// reverse is the method of a text that is written backwards.
const reverse = "reverse"

// decoding is what a run is in another spelling.
type decoding struct{ method, opened string }

// decodings are those of a run that give text, or compressed text.
func decodings(run string) []decoding {
	var out []decoding
	if len(run)%2 == 0 {
		if b, err := hex.DecodeString(run); err == nil && printable(b) {
			out = append(out, decoding{"hex", string(b)})
		}
	}
	for _, part := range [...]string{run, afterSign(run)} {
		if len(part) < minEncoded {
			continue
		}
		if b, ok := base64Bytes(part); ok {
			if printable(b) {
				out = append(out, decoding{"base64", string(b)})
			} else if opened, ok := unzipped(b); ok {
				out = append(out, decoding{"compressed base64", opened})
			}
		}
	}
	return out
}

// afterSign is what follows the first '=' of a run such as name=value; empty when
// it has none but padding.
func afterSign(run string) string {
	_, after, _ := strings.Cut(run, "=")
	return strings.TrimLeft(after, "=")
}

// base64Bytes decodes base64 in either alphabet, with or without padding.
func base64Bytes(s string) ([]byte, bool) {
	s = strings.TrimRight(s, "=.")
	if len(s)%4 == 1 {
		return nil, false
	}
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}

func printable(b []byte) bool {
	good := 0
	for _, c := range b {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' || c == '\r' {
			good++
		}
	}
	return len(b) >= 8 && good*100 >= len(b)*minPrintout
}

// unzipped is the text in gzip, as far as it is not too much.
func unzipped(b []byte) (string, bool) {
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return "", false
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", false
	}
	opened, err := io.ReadAll(io.LimitReader(r, maxEncoded))
	if err != nil && len(opened) == 0 {
		return "", false
	}
	return string(opened), printable(opened)
}

// percent undoes percent-encoding (RFC 3986 §2.1), as forms have it with a plus for
// a blank, of a text that has enough of it to hide something.
func percent(text string) (string, bool) {
	if strings.Count(text, "%") < 2 {
		return "", false
	}
	opened, err := url.QueryUnescape(text)
	if err != nil {
		opened = lenient(text)
	}
	return opened, opened != text
}

// lenient undoes what is well-formed of percent-encoding.
func lenient(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if b, err := hex.DecodeString(text[i+1 : i+3]); err == nil {
				out = append(out, b[0])
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

// escaped undoes \xNN and \u00NN.
func escaped(text string) (string, bool) {
	if strings.Count(text, `\x`)+strings.Count(text, `\u00`) < 8 {
		return "", false
	}
	return lenient(strings.NewReplacer(`\x`, "%", `\u00`, "%").Replace(text)), true
}

// maxJoin bounds the text that is looked at without its separators, in bytes.
const maxJoin = 4 << 10

// joined is a text without what is not seen, and, where single characters or short
// groups stand apart, without what separates them.
func joined(text string) (string, bool) {
	if len(text) > maxEncoded {
		return "", false
	}
	opened := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && gate.Hidden(r) {
			return -1
		}
		return r
	}, text)
	if len(text) <= maxJoin && apart(opened) {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \t\r\n.,;|*·", r) {
				return -1
			}
			return r
		}, opened), true
	}
	return opened, len(opened) != len(text)
}

// apart tells whether a text has eight single characters in a row with one and the
// same separator.
func apart(text string) bool {
	row := 0
	for i := 1; i < len(text); i += 2 {
		if isAlnum[text[i-1]] && strings.IndexByte(" .,;|*", text[i]) >= 0 {
			if row++; row >= 8 {
				return true
			}
			continue
		}
		row = 0
		i--
	}
	return false
}

func reversed(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}
