package anchor

import (
	"net/http"
	"os"
)

// Through makes a witness's requests go to rt instead of the network.
func (w *Witness) Through(rt http.RoundTripper) *Witness {
	w.client.Transport = rt
	return w
}

// Mend is what a file's end is put through before a note is appended.
func Mend(f *os.File, origin string) (int64, error) { return mend(f, origin) }
