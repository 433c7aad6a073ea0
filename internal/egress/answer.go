package egress

import (
	"fmt"
	"net/http"
)

// refuseHTTP is the answer to an HTTP request, which says the code and no more.
func refuseHTTP(code Code) []byte {
	status := http.StatusForbidden
	switch code {
	case Malformed:
		status = http.StatusBadRequest
	case Unsupported:
		status = http.StatusNotImplemented
	case Unresolved, Unreachable:
		status = http.StatusBadGateway
	case Slow:
		status = http.StatusRequestTimeout
	case unrecorded:
		status = http.StatusServiceUnavailable
	default:
	}
	body := "the egress proxy says " + string(code) + "\n"
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

// refuseSocks is the reply to a SOCKS request.
func refuseSocks(code Code) []byte {
	switch code {
	case Unsupported:
		return socksReply(socksCommand)
	case Unlisted, Inward, Mismatch:
		return socksReply(socksForbidden)
	case Unresolved, Unreachable:
		return socksReply(socksUnreachable)
	case Malformed:
		return socksReply(socksAddress)
	default:
		return socksReply(socksFailed)
	}
}
