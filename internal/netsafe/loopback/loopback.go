package loopback

import (
	"net/netip"
	"net/url"
	"strings"
)

// Host reports whether a host of a URL is this one: "localhost", or an address of loopback. Other ways to write one are
// left to resolvers, which may say anything.
func Host(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Zone() == "" && ip.Unmap().IsLoopback()
}

// Carries reports whether credentials may travel to the URL: with TLS, or within this host.
func Carries(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && Host(u.Hostname())
}
