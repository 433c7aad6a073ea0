package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// client is one of those that put the load on. It has one request under way at most.
type client struct {
	run     *run
	number  int
	era     Era
	asked   int           // requests so far, which number them
	session string        // empty in the stateless era, and with servers that have none
	open    bool          // initialize was answered
	next    time.Time     // when the next operation is due; zero: as soon as this one is answered
	resting time.Duration // of the operation's time: after answers, for the ends of their streams
	aside   aside
}

// do makes one operation. A session that is gone, as after a restart, is made anew and the
// operation done in it: the server has done nothing of the first.
func (c *client) do(ctx context.Context, operation string) error {
	ctx, cancel := context.WithTimeout(ctx, c.run.o.Timeout)
	defer cancel()
	err := c.once(ctx, operation)
	if errors.Is(err, errGone) {
		c.session, c.open = "", false
		c.run.renewed.Add(1)
		err = c.once(ctx, operation)
	}
	return err
}

func (c *client) once(ctx context.Context, operation string) error {
	if c.era == Stateful {
		if operation == Session {
			c.leave(ctx)
		}
		if err := c.begin(ctx); err != nil || operation == Session {
			return err
		}
	}
	switch {
	case operation == Call:
		return c.ask(ctx, "tools/call", c.run.o.Tool, c.run.call)
	case operation == List:
		return c.ask(ctx, "tools/list", "", "")
	case operation == Ping && c.era == Stateful:
		return c.ask(ctx, "ping", "", "")
	}
	return c.ask(ctx, "server/discover", "", "")
}

// begin makes the session, unless there is one. The operation comes after it, so that nothing here is waited for
// until the next one is due.
func (c *client) begin(ctx context.Context) error {
	if c.open {
		return nil
	}
	defer func(next time.Time) { c.next = next }(c.next)
	c.next = time.Time{}
	if err := c.ask(ctx, "initialize", "", `"protocolVersion":"`+string(Stateful)+`","capabilities":{},"clientInfo":`+c.run.info); err != nil {
		return err
	}
	if err := c.tell(ctx); err != nil {
		c.leave(ctx) // half a session is none
		return err
	}
	c.open = true
	return nil
}

// tell tells the server that the client has begun.
func (c *client) tell(ctx context.Context) error {
	return c.exchange(ctx, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "notifications/initialized", "", func(res *http.Response) error {
		if res.StatusCode != http.StatusAccepted && res.StatusCode != http.StatusOK {
			return &failure{fmt.Sprintf("http %d", res.StatusCode), "to notifications/initialized"}
		}
		return nil
	})
}

// leave ends the session. What comes of it is the server's affair.
func (c *client) leave(ctx context.Context) {
	if c.session != "" {
		if res, err := c.send(ctx, http.MethodDelete, "", "", ""); err == nil {
			_ = res.Body.Close()
		}
	}
	c.session, c.open = "", false
}

// ask makes one request and checks its answer. params are the members of its object.
func (c *client) ask(ctx context.Context, method, name, params string) error {
	c.asked++
	id := strconv.Quote(strconv.Itoa(c.number) + "-" + strconv.Itoa(c.asked)) // no other client's
	if c.era == Stateless {
		if params != "" {
			params += ","
		}
		params += c.run.meta
	}
	session := c.session != ""
	return c.exchange(ctx, `{"jsonrpc":"2.0","id":`+id+`,"method":"`+method+`","params":{`+params+`}}`, method, name, func(res *http.Response) error {
		err := read(res, id, session)
		if err == nil && method == "initialize" {
			c.session = res.Header.Get("Mcp-Session-Id")
		}
		return err
	})
}

// exchange posts a message, has take take the answer, and then rests.
func (c *client) exchange(ctx context.Context, body, method, name string, take func(*http.Response) error) error {
	request, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the end of a stream may come after the operation's
	bound := context.AfterFunc(ctx, cancel)
	res, err := c.send(request, http.MethodPost, body, method, name) //nolint:bodyclose // rest closes it
	if err == nil {
		err = take(res)
	}
	bound()
	if res == nil {
		cancel()
	} else {
		c.rest(ctx, res.Body, cancel)
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, errForeign) {
		return ctx.Err() // which is why
	}
	return err
}

// send makes one HTTP request of a message.
func (c *client) send(ctx context.Context, how, body, method, name string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, how, c.run.o.URL, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if c.run.o.Credential != "" {
		req.Header.Set("Authorization", "Bearer "+c.run.o.Credential)
	}
	if method != "initialize" {
		req.Header.Set("Mcp-Protocol-Version", string(c.era))
	}
	if c.era == Stateless {
		req.Header.Set("Mcp-Method", method)
		if name != "" {
			req.Header.Set("Mcp-Name", name)
		}
	} else if c.session != "" {
		req.Header.Set("Mcp-Session-Id", c.session)
	}
	return c.run.web.Do(req)
}

// dues tells when a client's operations are due: they are spread evenly over all clients.
type dues struct {
	next  time.Time
	every time.Duration // 0: at once
}

func (r *run) dues(number int) dues {
	if r.o.Rate == 0 {
		return dues{next: r.began}
	}
	each := float64(time.Second) / r.o.Rate
	return dues{next: r.began.Add(time.Duration(each * float64(number))), every: time.Duration(each * float64(r.o.Clients))}
}

// wait returns when the next operation is due, and since when: without a rate that is now. It
// is false when the run ends before.
func (d *dues) wait(ctx context.Context) (due time.Time, ok bool) {
	if d.every == 0 {
		return time.Now(), ctx.Err() == nil
	}
	due = d.next
	d.next = d.next.Add(d.every)
	if end, has := ctx.Deadline(); has && !due.Before(end) {
		<-ctx.Done()
		return due, false
	}
	left := time.Until(due)
	if left <= 0 {
		if ctx.Err() != nil {
			d.next = due
		}
		return due, ctx.Err() == nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return due, true
	case <-ctx.Done():
		return due, false
	}
}

// after is when the operation after this one is due; zero without a rate.
func (d *dues) after() time.Time {
	if d.every == 0 {
		return time.Time{}
	}
	return d.next
}

// left is how many operations were due before end and were not begun.
func (d *dues) left(end time.Time) int64 {
	if d.every == 0 || !d.next.Before(end) {
		return 0
	}
	return int64((end.Sub(d.next)-1)/d.every) + 1
}

// meta is what a stateless request says about its sender, as a member.
func meta(info string) string {
	return `"_meta":{"io.modelcontextprotocol/protocolVersion":"` + string(Stateless) +
		`","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":` + info + `}`
}

// info names this program.
func info(version string) (string, error) {
	if version == "" {
		version = "unknown"
	}
	raw, err := json.Marshal(map[string]string{"name": "doorward-load", "version": version})
	return string(raw), err
}
