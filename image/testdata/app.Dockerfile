# An image for one program.
ARG IMAGE
FROM ${IMAGE}
ENTRYPOINT ["/ncolony", "--"]
CMD ["sh", "-c", "echo the program; exit 9"]
