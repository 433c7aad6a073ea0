package injection_test

import (
	"strings"
	"testing"

	"doorward/internal/inspect/injection"
)

// prose is a paragraph of plain text, with what results have: quotes, numbers,
// hosts, an address.
const prose = `The harbour office publishes its timetable every Monday (see https://ferry.example/times). Tickets cost $14.50, and children
under 6 travel for free. "We were late twice", wrote a passenger; the crew answered that the order of the stops had changed.
Please send questions to office@ferry.example before Friday. Le bateau de 9 heures est annulé. Das Schiff fährt nach dem Fahrplan.
{"id": 81723, "status": "open", "title": "Add a filter to the list", "body": "You can update the file and run the tool again."}
`

func BenchmarkScan(b *testing.B) {
	for _, bb := range []struct {
		name string
		size int
	}{{"1KB", 1 << 10}, {"100KB", 100 << 10}} {
		text := strings.Repeat(prose, bb.size/len(prose)+1)[:bb.size]
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(bb.size))
			b.ReportAllocs()
			for b.Loop() {
				injection.Scan(text)
			}
		})
	}
}
