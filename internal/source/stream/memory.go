package stream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// classicFor is how long a host is greeted without post-quantum key shares after a handshake with them failed.
	classicFor = 12 * time.Hour
	// failedFor is how long an address that failed is tried after the others of its name.
	failedFor = 10 * time.Minute
	// sayAgain is how often the same word on how X, or a box on the way, answers is repeated.
	sayAgain = time.Hour
	// rememberedMost bounds each of the three.
	rememberedMost = 256
)

// memory is what the attempts of one route know of hosts and their addresses.
type memory struct {
	mu sync.Mutex
	classics,
	failures,
	words times
}

// times are when something was; they forget what is long past when they are full.
type times map[string]time.Time

func (t *times) set(key string, age time.Duration) {
	if *t == nil {
		*t = times{}
	}
	for k, at := range *t {
		if len(*t) >= rememberedMost && time.Since(at) >= age {
			delete(*t, k)
		}
	}
	if len(*t) < rememberedMost {
		(*t)[key] = time.Now()
	}
}

func (t times) within(key string, age time.Duration) bool {
	at, known := t[key]
	return known && time.Since(at) < age
}

func (m *memory) failed(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures.set(address, failedFor)
}

// order puts those that failed lately last, the latest at the end.
func (m *memory) order(addresses []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := func(address string) time.Time {
		if m.failures.within(address, failedFor) {
			return m.failures[address]
		}
		return time.Time{}
	}
	slices.SortStableFunc(addresses, func(x, y string) int { return at(x).Compare(at(y)) })
}

// first reports whether a word is to be said: it was not for long.
func (m *memory) first(word string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.words.within(word, sayAgain) {
		return false
	}
	m.words.set(word, sayAgain)
	return true
}

func (m *memory) classic(host string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.classics.within(host, classicFor)
}

// setClassic says how the next attempt greets the host.
func (m *memory) setClassic(host string, classic bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if delete(m.classics, host); classic {
		m.classics.set(host, classicFor)
	}
}

// classicKeyExchanges make a ClientHello that fits one packet: some boxes drop one of two, which the key shares of
// X25519MLKEM768 (1.2 KB) make it.
func classicKeyExchanges() []tls.CurveID {
	return []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
}

// learn keeps what the way to the header taught: an address that failed, and a handshake that is to be tried otherwise.
func (a *attempt) learn(err error) {
	ours := a.ctx.Err() != nil && causeOf(a.ctx) != connectTimeout // we ended it: nothing was learnt
	switch {
	case ours:
	case err == nil:
		if a.classic {
			a.say(fmt.Sprintf("%s: the TLS handshake failed, and succeeds without post-quantum key shares: a box on the way may drop a ClientHello "+
				"that does not fit one packet; they are left out for %v", a.host, classicFor))
		}
	default:
		a.mu.Lock()
		address := a.address
		a.mu.Unlock()
		if address != "" {
			a.memory.failed(address)
		}
		if a.step.Load() == shaking && !distrusted(err) {
			a.memory.setClassic(a.host, !a.classic)
		}
	}
}

// distrusted reports whether the handshake failed by its certificate: that came, so the ClientHello went through.
func distrusted(err error) bool {
	_, bad := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return bad || unknown
}

// say tells the operator, once for long.
func (a *attempt) say(text string) {
	if a.o.Say != nil && a.memory.first(text) {
		a.o.Say(text)
	}
}
