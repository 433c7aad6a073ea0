package egress

import (
	"errors"
	"sync"
	"time"
)

// maxHead is how many bytes of a request and of a ClientHello are read.
const maxHead = 16 << 10

// Limits bounds what one command may do. What is 0 has its default.
type Limits struct {
	Connections    int           // at once; 64
	PerMinute      int           // that begin in a minute; 600
	Bytes          int64         // of one connection, both ways; 256 MiB
	BytesPerMinute int64         // of all together; 1 GiB
	Answers        int           // addresses of a name; 32
	Head           time.Duration // until the request, and until the ClientHello is there; 10 s
	Dial           time.Duration // to look the name up and to connect; 10 s
	Idle           time.Duration // without a byte either way; 2 min
	Total          time.Duration // of one connection; 1 h
}

func (l Limits) withDefaults() (Limits, error) {
	if l.Connections < 0 || l.PerMinute < 0 || l.Bytes < 0 || l.BytesPerMinute < 0 || l.Answers < 0 ||
		l.Head < 0 || l.Dial < 0 || l.Idle < 0 || l.Total < 0 {
		return l, errors.New("egress: a limit is negative")
	}
	given(&l.Connections, 64)
	given(&l.PerMinute, 600)
	given(&l.Bytes, 256<<20)
	given(&l.BytesPerMinute, 1<<30)
	given(&l.Answers, 32)
	given(&l.Head, 10*time.Second)
	given(&l.Dial, 10*time.Second)
	given(&l.Idle, 2*time.Minute)
	given(&l.Total, time.Hour)
	return l, nil
}

func given[T comparable](v *T, own T) {
	var none T
	if *v == none {
		*v = own
	}
}

// window counts within a minute that begins with the first count.
type window struct {
	limit int64

	mu    sync.Mutex
	begun time.Time
	used  int64
}

// take tells whether n more fit into this minute. What does not fit is not counted.
func (w *window) take(n int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); w.begun.IsZero() || now.Sub(w.begun) >= time.Minute {
		w.begun, w.used = now, 0
	}
	if n > w.limit-w.used {
		return false
	}
	w.used += n
	return true
}
