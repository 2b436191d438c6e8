/*
 * SPDX-License-Identifier: ISC
 *
 * The peer of the data path's bench rows: a plain loop that reads a frame from one TAP and writes it to the other, with the
 * same offloads as rhine's driver and nothing in between. usage: wire TAP1 TAP2
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define BATCH 64

static char frame[12 + 14 + 65536 + 64];

static int
open_tap(const char *name)
{
	struct ifreq request;
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int header = 12;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	memset(&request, 0, sizeof request);
	strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
	request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return -1;
	if (ioctl(fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) < 0 &&
	    ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
		return -1;
	return fd;
}

/* Moves up to BATCH frames; a frame that the other side cannot take now is lost, as on a wire. */
static void
move(int from, int to)
{
	for (int i = 0; i < BATCH; i++) {
		ssize_t length = read(from, frame, sizeof frame);

		if (length <= 0)
			return;
		if (write(to, frame, length) < 0 && errno == EINVAL)
			perror("write");
	}
}

int
main(int argc, char **argv)
{
	struct pollfd fds[2];

	if (argc != 3) {
		fprintf(stderr, "usage: wire TAP1 TAP2\n");
		return 2;
	}
	for (int i = 0; i < 2; i++) {
		fds[i].fd = open_tap(argv[i + 1]);
		fds[i].events = POLLIN;
		if (fds[i].fd < 0) {
			perror(argv[i + 1]);
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			return 1;
		for (int i = 0; i < 2; i++)
			if (fds[i].revents & POLLIN)
				move(fds[i].fd, fds[1 - i].fd);
	}
}
