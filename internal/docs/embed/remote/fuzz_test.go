package remote_test

import (
	"math"
	"strings"
	"testing"

	"doorward/internal/docs/embed/remote"
)

// A vector has as many numbers as the model has dimensions, and length 1, or is an error.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"[1, 0]", `"AACAPwAAAAA="`, `"AADAfwAAAAA="`, "[1e308, 1e308]", "[1e-308, 0]", "[1, [0]]", "null", `"`, "[-0, 1e-29]"} {
		f.Add([]byte(s))
	}
	e := openAI(f, remote.OpenAISettings{Place: place(f, nil), Model: "m", Dimensions: 2})
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := remote.Numbers(text, e)
		if err != nil {
			return
		}
		if square := float64(v[0])*float64(v[0]) + float64(v[1])*float64(v[1]); len(v) != 2 || math.Abs(square-1) > 1e-6 {
			t.Errorf("%s is %v", text, v)
		}
	})
}

// Of a message that is cleaned no four bytes in a row are the key's, but those of what
// stands in their place.
func FuzzClean(f *testing.F) {
	f.Add("no such key: abcdefgh", "abcdefgh")
	f.Add("ababab", "ab")
	f.Add("aXbXcXd", "abcd")
	f.Add("\u200bab\xffcd", "abcd")
	f.Fuzz(func(t *testing.T, message, key string) {
		cleaned := remote.Clean(message, key)
		for piece := range strings.SplitSeq(cleaned, "[secret]") {
			for i := range max(0, len(key)-3) {
				if strings.Contains(piece, key[i:i+4]) {
					t.Errorf("%q of %q is in %q", key[i:i+4], key, cleaned)
				}
			}
		}
	})
}
