package listen

import (
	"bytes"
	"compress/gzip"
	"io"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"

	"doorward/internal/gate"
)

const (
	// compressFrom is the size in bytes from which a list is compressed. Below it
	// the answer takes at most six packets of 1,460 bytes, which a connection may
	// send at once (RFC 6928 allows ten), so that nothing arrives earlier.
	compressFrom = 8 << 10

	maxPacked  = 256 << 10 // bytes of the buffer that stays with a packer
	zstdWindow = 512 << 10 // bytes; RFC 9659 has clients take up to 8 MiB
)

// packer compresses one answer at a time. What it needs for a coding is made
// when that is first asked for, and stays: about 1 MiB for each.
type packer struct {
	gzip *gzip.Writer
	zstd *zstd.Encoder
	out  bytes.Buffer
}

// packers are all that compress at the same time. Nobody waits for one: without
// one the answer is not compressed.
type packers chan *packer

// newPackers are half as many as there are processors, and one at least, so that
// lists leave room for calls.
func newPackers() packers {
	p := make(packers, max(1, runtime.GOMAXPROCS(0)/2))
	for range cap(p) {
		p <- &packer{}
	}
	return p
}

// pack is what is sent of an answer: body, or body compressed. It says so in the
// headers, and in Vary that it depends on the client.
//
// An answer in which something secret stands beside what a caller chose tells of
// the secret by its compressed length (BREACH, CVE-2013-3587). So catalogues
// alone are compressed, which nobody's arguments get into.
func (v *visit) pack(ex *gate.Exchange, m *gate.Message, body [][]byte) [][]byte {
	size := 0
	for _, piece := range body {
		size += len(piece)
	}
	if m.Kind != gate.Result || size < compressFrom || !catalogue(ex.Call.Route.Method) {
		return body
	}
	v.out.w.Header()["Vary"] = varyCoding
	coding := wantedCoding(v.r.Header)
	if coding == codingNone {
		return body
	}
	packed := v.server.packers.pack(coding, body)
	if packed == nil || len(packed) >= size {
		return body
	}
	v.out.set("Content-Encoding", coding)
	return [][]byte{packed}
}

// varyCoding is Vary of what could have been compressed.
//
//nolint:gochecknoglobals // a table; read-only
var varyCoding = []string{"Origin, Accept-Encoding"}

// catalogue tells whether a method's result is what there is, and nothing that a
// call made of its arguments.
func catalogue(method string) bool {
	switch method {
	case "tools/list", "resources/list", "resources/templates/list", "prompts/list", "server/discover":
		return true
	}
	return false
}

// pack compresses body, or returns nil when no packer is free or it fails. The
// packer is free again before anything is sent: a slow client keeps none.
func (p packers) pack(coding string, body [][]byte) []byte {
	select {
	case one := <-p:
		defer func() { p <- one }()
		return one.pack(coding, body)
	default:
		return nil
	}
}

func (p *packer) pack(coding string, body [][]byte) []byte {
	p.out.Reset()
	w, err := p.writer(coding)
	if err != nil {
		return nil
	}
	for _, piece := range body {
		if _, err := w.Write(piece); err != nil {
			return nil
		}
	}
	if err := w.Close(); err != nil {
		return nil
	}
	packed := slices.Clone(p.out.Bytes())
	if p.out.Cap() > maxPacked {
		p.out = bytes.Buffer{}
	}
	return packed
}

// writer writes to p.out. It compresses quickly rather than well.
func (p *packer) writer(coding string) (io.WriteCloser, error) {
	var err error
	if coding == codingZstd {
		if p.zstd == nil {
			// Without concurrency it starts no goroutine.
			p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
				zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow))
		}
		if err == nil {
			p.zstd.Reset(&p.out)
		}
		return p.zstd, err
	}
	if p.gzip == nil {
		p.gzip, err = gzip.NewWriterLevel(&p.out, gzip.BestSpeed)
	}
	if err == nil {
		p.gzip.Reset(&p.out)
	}
	return p.gzip, err
}
