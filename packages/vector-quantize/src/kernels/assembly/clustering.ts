/** The steps of k-means beside its searches and statistics. */
export * from "./clustering/kmeans";
