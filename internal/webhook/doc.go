// Package webhook sends signed notices to receivers outside: that a call waits for
// people, and what they decided; and, for monitor/delivery, that an alert was raised.
// The app owns one Sender for approvals and hands it what is to be told; nothing waits
// for a notice, and none decides anything. A Target alone is one receiver, which others
// may post to with queues of their own.
//
// A notice is signed as Standard Webhooks has it (version 1), so that its receiver
// can tell it from a forged, altered or repeated one. The Sender tries it a few times,
// keeps it in memory alone, and drops it when the receiver takes too few.
//
// The package never logs or records a secret, a body or a path of the receiver's
// URL, which may be a secret itself; it follows no redirect and asks no proxy.
package webhook
