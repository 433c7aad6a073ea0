package storetest_test

import (
	"net"
	"strconv"
	"testing"

	"doorward/internal/store/storetest"
)

// A port that is free is so for a server that names it, once and again.
func TestFreePortIsFree(t *testing.T) {
	t.Parallel()
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(storetest.FreePort(t)))
	for range 2 {
		ln, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
	}
}
