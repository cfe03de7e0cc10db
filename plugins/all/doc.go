// Package all registers the plugins of this module, for a Telegraf that has them compiled in. It has imports alone; the
// plugins themselves are in plugins/inputs/decahose and plugins/outputs/decahose_archive.
package all
