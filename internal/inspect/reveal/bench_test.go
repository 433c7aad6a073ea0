package reveal_test

import (
	"strings"
	"testing"

	"doorward/internal/inspect/reveal"
)

// prose is n bytes of plain English.
func prose(n int) string {
	s := carrier + " Use it before a trip, and pass the name of the city as it is written there (for example: Graz, AT). "
	return strings.Repeat(s, n/len(s)+1)[:n]
}

func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name, text string
	}{
		{"1KB", prose(1 << 10)},
		{"100KB", prose(100 << 10)},
		{"100KB of Russian", strings.Repeat(honest()["Russian"]+" ", 1024)},
		{"100KB of JSON", strings.Repeat(`{"id": "5f3b8d9c1e2a4b6c7d8e", "name": "internal/inspect", "size": 10240, "ok": true},`+"\n", 1200)},
		{"100KB of HTML", strings.Repeat(`<div class="row"><a style="color:#c00" href="/x?a=1&amp;b=%20">City</a> of the week</div>`+"\n", 1130)},
		{"100KB of words nobody knows", strings.Repeat("palauttaa kaupungin saan seka lyhyen ennusteen tulevalle viikolle ", 1550)},
		{"100KB of base64", strings.Repeat(inBase64(carrier)+" ", 730)},
		{"100KB hidden", strings.Repeat(hidings()[3].hide(payloads[0])+" ", 350)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				reveal.Scan(c.text)
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	text := prose(1 << 10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		reveal.Fold(text)
	}
}
