# A tiny table in the layout of WIOTS_in_R.zip, written by R itself. Run in this folder; needs
# data.table. Flows: row i of 6 sells 10 i + j to node j and 100 i + j to final demand column j.
library(data.table)
regions <- c("AUS", "ROM", "ROW")
codes <- c("A01", "C10-C12")
Z <- outer(10 * 1:6, 1:6, "+")
Y <- outer(100 * 1:6, 1:15, "+")
x <- rowSums(Z) + rowSums(Y)
below <- c("II_fob", "TXSP", "EXP_adj", "PURR", "PURNR", "VA", "IntTTM", "GO")
rows <- rbind(colSums(Z), 1, 0, 0, 0, x - colSums(Z) - 3, 2, x)
flows <- rbind(cbind(Z, Y), cbind(rows, matrix(0.25, 8, 15)))
colnames(flows) <- c(paste0(rep(regions, each = 2), 1:2), paste0(rep(regions, each = 5), 57:61))
wiot <- data.table(
  IndustryCode = c(rep(codes, 3), below),
  IndustryDescription = c(rep(c("Crops", "Caf\u00e9s"), 3), paste("text of", below)),
  Country = c(rep(regions, each = 2), rep("TOT", 8)),
  RNr = c(rep(1:2, 3), 65:71, 73),
  Year = 2014,
  flows,
  TOT = c(x, rep(0, 8))
)
save(wiot, file = "WIOT2014_October16_ROW.RData", version = 2)
